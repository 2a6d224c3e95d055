package codec

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// pieces are what random texts are made of: everything that JSON writers treat
// apart.
var pieces = []string{"", "a", "Zz9", " ", "\"", "\\", "/", "<b>&amp;</b>", "\n", "\r\t", "\x00", "\x1f", "\x7f", "é", "漢字", "😀", "\u2028", "\u2029", "\ufffd", "\xff", "\xc3(", "\xed\xa0\x80", "\\u0041", "\ud7ff", "'"}

var documents = []string{`{}`, `[]`, `1`, `-0.5e-7`, `"x\u2028\ud800é"`, `true`, `{"a":[1,2,{"b":null}],"c\"":"<&>"}`, `[[],{}]`, ` { "a" : 1 } `}

// fill sets every field of a value to something random, zero values included.
func fill(v reflect.Value, random *rand.Rand) {
	if v.Type() == reflect.TypeFor[spec.Raw]() {
		if random.IntN(3) > 0 {
			v.SetBytes([]byte(documents[random.IntN(len(documents))]))
		}
		return
	}
	switch v.Kind() {
	case reflect.String:
		text := ""
		for range random.IntN(4) {
			text += pieces[random.IntN(len(pieces))]
		}
		v.SetString(text)
	case reflect.Int, reflect.Int64:
		v.SetInt([]int64{0, 1, -1, 8, 65536, 1<<53 + 1, 1<<63 - 1, -1 << 63}[random.IntN(8)])
	case reflect.Float64:
		v.SetFloat([]float64{0, 0.44, -1, 1e21, 1e-7, 123456789.125, 5e-324}[random.IntN(7)])
	case reflect.Bool:
		v.SetBool(random.IntN(2) == 0)
	case reflect.Pointer:
		if random.IntN(2) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), random)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("json") != "-" {
				fill(v.Field(i), random)
			}
		}
	case reflect.Slice:
		if size := random.IntN(4); size < 3 {
			v.Set(reflect.MakeSlice(v.Type(), size, size))
			for i := range size {
				fill(v.Index(i), random)
			}
		}
	case reflect.Map:
		if size := random.IntN(4); size < 3 {
			v.Set(reflect.MakeMap(v.Type()))
			for range size {
				key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				fill(key, random)
				fill(value, random)
				v.SetMapIndex(key, value)
			}
		}
	default:
		panic("no random value of " + v.Type().String())
	}
}

// full makes nil lists without omitempty empty, because the encoders never write
// null for them.
func full(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if v.Field(i).Kind() == reflect.Slice && v.Field(i).IsNil() && field.Type != reflect.TypeFor[spec.Raw]() && !strings.Contains(field.Tag.Get("json"), "omit") {
				v.Field(i).Set(reflect.MakeSlice(field.Type, 0, 0))
			}
			full(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			full(v.Index(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			full(v.Elem())
		}
	}
}

func decoded(t *testing.T, text []byte) any {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return numbers(value)
}

// numbers reads every number as what it stands for: 1e-7 and 1e-07 are one.
func numbers(value any) any {
	switch v := value.(type) {
	case json.Number:
		if whole, err := v.Int64(); err == nil {
			return whole
		}
		real, _ := v.Float64()
		return real
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = numbers(v[key])
		}
	}
	return value
}

func encodes[T any](t *testing.T, encode func([]byte, *T) []byte) {
	t.Helper()
	random := rand.New(rand.NewPCG(7, 11))
	for round := range 3000 {
		var value T
		if round > 0 { // the first is the zero value
			fill(reflect.ValueOf(&value).Elem(), random)
		}
		full(reflect.ValueOf(&value))
		standard, err := json.Marshal(&value)
		if err != nil {
			t.Fatal(err)
		}
		ours := encode([]byte("before"), &value)
		if !strings.HasPrefix(string(ours), "before") {
			t.Fatalf("%T: what was in the buffer is lost", value)
		}
		ours = ours[len("before"):]
		if got, want := decoded(t, ours), decoded(t, standard); !reflect.DeepEqual(got, want) {
			t.Fatalf("%T\nours     %s\nstandard %s", value, ours, standard)
		}
	}
}

func TestEncoders_AgreeWithEncodingJSON(t *testing.T) {
	encodes(t, AppendCompute)
	encodes(t, AppendComputePage)
	encodes(t, AppendJob)
	encodes(t, AppendJobChunks)
	encodes(t, AppendGPUTypeList)
	encodes(t, AppendOfferList)
	encodes(t, AppendLogsPage)
	encodes(t, AppendBill)
	encodes(t, AppendManifest)
	encodes(t, AppendError)
}

func decodes[T any](t *testing.T, decode func(string, *T) *spec.Error) {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 5))
	for round := range 3000 {
		var value, got, want T
		if round > 0 {
			fill(reflect.ValueOf(&value).Elem(), random)
		}
		text, err := json.Marshal(&value)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		// Unknown members of any type are skipped.
		padded := `{"unknown":{"a":[1,"x",null]},` + strings.TrimPrefix(string(text), "{")
		padded = strings.Replace(padded, ",}", "}", 1)
		for _, variant := range []string{string(text), padded} {
			got = *new(T)
			if err := decode(variant, &got); err != nil {
				t.Fatalf("%T: %v: %s", value, err, variant)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%s\n got %#v\nwant %#v", variant, got, want)
			}
		}
	}
	// A member of a wrong type is an error where it is one to encoding/json, and
	// so is what is no object.
	kind := reflect.TypeFor[T]()
	texts := []string{``, `x`, `[]`, `"a"`, `1`, `{}x`, `{"a":1`, `null`, `{}`}
	for i := range kind.NumField() {
		name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
		for _, odd := range []string{`1`, `1.5`, `"x"`, `null`, `true`, `[]`, `[1]`, `[null]`, `["x"]`, `{}`, `{"a":1}`, `{"a":null}`, `{"a":"b"}`, `[{}]`, `1e999`, `99999999999999999999`} {
			texts = append(texts, `{"`+name+`":`+odd+`}`)
		}
	}
	for _, text := range texts {
		var got, want T
		failed := json.Unmarshal([]byte(text), &want) != nil
		err := decode(text, &got)
		if (err != nil) != failed {
			t.Errorf("%T: %s: error %v, encoding/json fails: %v", got, text, err, failed)
		}
		if err != nil && err.Kind != spec.KindValidation {
			t.Errorf("%s: kind %s", text, err.Kind)
		}
		if err == nil && !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n got %#v\nwant %#v", text, got, want)
		}
	}
}

func TestDecoders_AgreeWithEncodingJSON(t *testing.T) {
	decodes(t, DecodeSpawn)
	decodes(t, DecodeID)
	decodes(t, DecodeList)
	decodes(t, DecodeFind)
	decodes(t, DecodeLogs)
	decodes(t, DecodeBill)
	decodes(t, DecodeRunJob)
	decodes(t, DecodeJob)
	decodes(t, DecodeGPUTypes)
	decodes(t, DecodeOffers)
}
