package atlas

import (
	"fmt"
	"reflect"
	"testing"
)

// fill gives every list, map and pointer below v something to hold.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		item := reflect.New(v.Type().Elem()).Elem()
		fill(item)
		v.SetMapIndex(reflect.ValueOf("a").Convert(v.Type().Key()), item)
	case reflect.String:
		v.SetString("a")
	}
}

// shared lists what two values hold in common.
func shared(path string, a, b reflect.Value) []string {
	var out []string
	switch a.Kind() {
	case reflect.Struct:
		for i := range a.NumField() {
			if f := a.Type().Field(i); f.IsExported() {
				out = append(out, shared(path+"."+f.Name, a.Field(i), b.Field(i))...)
			}
		}
	case reflect.Pointer, reflect.Slice, reflect.Map:
		if a.Pointer() == b.Pointer() {
			return []string{path}
		}
		switch a.Kind() {
		case reflect.Pointer:
			return shared(path, a.Elem(), b.Elem())
		case reflect.Slice:
			return shared(path+"[0]", a.Index(0), b.Index(0))
		}
		for _, key := range a.MapKeys() {
			out = append(out, shared(path+"."+key.String(), a.MapIndex(key), b.MapIndex(key))...)
		}
	}
	return out
}

func TestSettings_ACopySharesNothingWithTheOriginal(t *testing.T) {
	var given Settings
	fill(reflect.ValueOf(&given).Elem())
	kept := given.clone()
	if !reflect.DeepEqual(kept, given) {
		t.Errorf("%+v, want %+v", kept, given)
	}
	for _, path := range shared("config", reflect.ValueOf(given), reflect.ValueOf(kept)) {
		t.Errorf("%s is shared", path)
	}
	if none := (Settings{}).clone(); !reflect.DeepEqual(none, Settings{}) {
		t.Errorf("a copy of nothing is %+v", none)
	}
}

func TestOpen_KeepsItsSettingsWhateverTheProgramDoesWithTheMaps(t *testing.T) {
	providers := map[string]ProviderSettings{"mock": {}}
	c, err := Open(Config{Settings: Settings{Providers: providers}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(-1)
	providers["later"] = ProviderSettings{}
	if got := fmt.Sprint(c.Info().UnusedSections); got != "[]" {
		t.Errorf("sections without a plugin: %s", got)
	}
}
