package simkit

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// CheckSettings tells what is wrong with the settings of a cloud that are read
// well: no number is negative but where its field is tagged sim:"signed", a time
// is of this century, a status is one, and a birth happens to some machine. The
// error names the place.
func CheckSettings(cloud string, settings any) error {
	if problem := unfit(reflect.ValueOf(settings), "", "sim: "+cloud); problem != "" {
		return fmt.Errorf("%s", problem)
	}
	return nil
}

// unfit finds the first value that cannot be. name is that of its field.
func unfit(v reflect.Value, name, at string) string {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return unfit(v.Elem(), name, at)
		}
	case reflect.Struct:
		return unfitMember(v, at)
	case reflect.Slice:
		for i := range v.Len() {
			if problem := unfit(v.Index(i), name, fmt.Sprintf("%s[%d]", at, i)); problem != "" {
				return problem
			}
		}
	case reflect.Map:
		for _, key := range slices.Sorted(maps.Keys(byName(v))) {
			if problem := unfit(byName(v)[key], name, at+"."+key); problem != "" {
				return problem
			}
		}
	case reflect.Int, reflect.Int64:
		switch n := v.Int(); {
		case n < 0:
			return at + ": is to be 0 or more"
		case strings.HasSuffix(name, "_ms") && n > maxAdvanceMS:
			return at + ": is to be 100 years at most, 3155760000000"
		case strings.HasSuffix(name, "status") && n != 0 && (n < 200 || n > 599):
			return at + ": is to be an HTTP status, 200 to 599"
		}
	case reflect.Float64:
		if !(v.Float() >= 0) { // NaN is not
			return at + ": is to be 0 or more"
		}
	}
	return ""
}

func unfitMember(v reflect.Value, at string) string {
	for _, f := range reflect.VisibleFields(v.Type()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" || f.Tag.Get("sim") == "signed" {
			continue
		}
		if problem := unfit(v.FieldByIndex(f.Index), name, at+"."+name); problem != "" {
			return problem
		}
	}
	nth, every := v.FieldByName("Nth"), v.FieldByName("Every")
	if nth.IsValid() && every.IsValid() && v.FieldByName("Do").IsValid() && nth.IsZero() && every.IsZero() {
		return at + ": happens to no machine; give nth or every"
	}
	return ""
}

func byName(v reflect.Value) map[string]reflect.Value {
	members := map[string]reflect.Value{}
	for _, key := range v.MapKeys() {
		members[key.String()] = v.MapIndex(key)
	}
	return members
}
