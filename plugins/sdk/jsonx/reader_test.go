package jsonx

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// tree reads a whole value the way encoding/json does into an any.
func tree(r *Reader) any {
	switch r.Kind() {
	case Object:
		all := map[string]any{}
		for more := r.Object(); more; more = r.NextMember() {
			key := r.Key()
			all[key] = tree(r)
		}
		return all
	case Array:
		list := []any{}
		for more := r.Array(); more; more = r.NextElement() {
			list = append(list, tree(r))
		}
		return list
	case String:
		return r.Text()
	case Number:
		return json.Number(r.Raw())
	case Bool:
		return r.Bool()
	}
	r.Skip()
	return nil
}

func standard(text string) (any, bool) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if !json.Valid([]byte(text)) || decoder.Decode(&value) != nil {
		return nil, false
	}
	return value, true
}

func compare(t *testing.T, text string) {
	t.Helper()
	want, valid := standard(text)
	r := Reader{data: text, Strict: true}
	got := tree(&r)
	if done := r.Done(); done != valid {
		t.Fatalf("%q: read well %v, encoding/json says %v", text, done, valid)
	}
	if valid && !reflect.DeepEqual(got, want) {
		t.Fatalf("%q:\n got %#v\nwant %#v", text, got, want)
	}
	skipper := Reader{data: text, Strict: true}
	skipper.Skip()
	if done := skipper.Done(); done != valid {
		t.Fatalf("%q: skipped well %v, encoding/json says %v", text, done, valid)
	}
}

// oddities are documents where readers of JSON differ.
var oddities = []string{``, ` `, `null`, `nul`, `nulll`, `true`, `truefalse`, `false`, `0`, `-0`, `-`, `01`, `1.`, `.5`, `1.5`, `1e5`, `1E+5`, `1e-5`, `1e`, `1e+`, `+1`, `NaN`, `Infinity`,
	`123456789012345678901234567890`, `""`, `"`, `"a`, `"a\"b"`, `"\\"`, `"\`, `"\x"`, `"\/\b\f\n\r\t"`, `"\u0041"`, `"\u00e9"`, `"\u12"`, `"\u12g4"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ud83dx"`, `"\ud83d\u0041"`,
	`"\ude00\ud83d"`, `"\ud83d\ud83d\ude00"`, `"\uD83D\uDE00"`, "\"\xff\"", "\"a\xc3(\"", "\"\xed\xa0\x80\"", "\"\x00\"", "\"\n\"", "\"\x7f\"", "\"\u2028\"", "\"é漢😀\"", `[]`, `[ ]`, `[1,2]`, `[1,]`, `[,1]`, `[1 2]`, `[`, `]`,
	`{}`, `{ }`, `{"a":1}`, `{"a":1,}`, `{"a"}`, `{"a":}`, `{a:1}`, `{"a":1 "b":2}`, `{"a":1,"a":2}`, `{"\u0061":1}`, `{"a":{"b":[{"c":null}]}}`, `{`, `}`, ` {"a" : [ 1 , "x" ] } `, `{}{}`, "\ufeff{}", `[[[[]]]]`, `{"":0}`}

func TestReader_AgreesWithEncodingJSON(t *testing.T) {
	for _, text := range oddities {
		compare(t, text)
	}
}

func FuzzReader_AgreesWithEncodingJSON(f *testing.F) {
	for _, text := range oddities {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Count(text, "[")+strings.Count(text, "{") < maxDepth {
			compare(t, text)
		}
	})
}

func TestReader_RefusesWhatIsTooDeep(t *testing.T) {
	text := strings.Repeat("[", 1_000_000)
	r := New(text)
	r.Skip()
	if !r.Failed() {
		t.Error("a million open brackets were read well")
	}
	fine := strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)
	r = New(fine)
	if r.Skip(); !r.Done() {
		t.Errorf("%d brackets were refused", maxDepth)
	}
}

func TestReader_ReadsOddTypesAsNearAsCanBe(t *testing.T) {
	for _, row := range []struct {
		text   string
		asText string
		asInt  int64
		asReal float64
		known  bool
		asBool bool
	}{
		{`"7"`, "7", 7, 7, true, false},
		{`7`, "7", 7, 7, true, false},
		{`7.9`, "7.9", 7, 7.9, true, false},
		{`"7.9"`, "7.9", 7, 7.9, true, false},
		{`1e3`, "1e3", 1000, 1000, true, false},
		{`" 7 "`, " 7 ", 7, 7, true, false},
		{`"7x"`, "7x", 0, 0, false, false},
		{`99999999999999999999`, "99999999999999999999", 0, 99999999999999999999, true, false},
		{`1e999`, "1e999", 0, 0, false, false},
		{`true`, "true", 0, 0, false, true},
		{`"true"`, "true", 0, 0, false, true},
		{`false`, "false", 0, 0, false, false},
		{`null`, "", 0, 0, false, false},
		{`{"a":1}`, "", 0, 0, false, false},
		{`[1]`, "", 0, 0, false, false},
		{`""`, "", 0, 0, false, false},
	} {
		check := func(what string, got, want any) {
			if got != want {
				t.Errorf("%s as %s: %v, want %v", row.text, what, got, want)
			}
		}
		r := New(row.text)
		check("text", r.Text(), row.asText)
		check("text, done", r.Done(), true)
		r = New(row.text)
		check("whole number", r.Int(), row.asInt)
		check("whole number, done", r.Done(), true)
		r = New(row.text)
		value, known := r.Float()
		check("number", value, row.asReal)
		check("number, known", known, row.known)
		r = New(row.text)
		check("boolean", r.Bool(), row.asBool)
		r = New(row.text)
		if r.Object() {
			r.Skip()
			r.NextMember()
		}
		check("object, done", r.Done(), true)
		r = New(row.text)
		r.Texts()
		check("texts, done", r.Done(), true)
		r = New(row.text)
		r.Strings()
		check("strings, done", r.Done(), true)
	}
}

func TestReader_ReadsListsOfTexts(t *testing.T) {
	for text, want := range map[string][]string{`["a",1,null,{},["x"],true,"b"]`: {"a", "1", "b"}, `"one"`: {"one"}, `null`: nil, `7`: nil, `[]`: {}} {
		r := New(text)
		if got := r.Texts(); !reflect.DeepEqual(got, want) || !r.Done() {
			t.Errorf("%s: %#v, want %#v", text, got, want)
		}
	}
}

func TestReader_NamesTheFieldOfAWrongType(t *testing.T) {
	for _, text := range []string{`{"a":1,"size":"x"}`, `{"a":1,"size":1.5}`, `{"size":{}}`, `{"size":true}`} {
		r := New(text)
		r.Strict = true
		for more := r.Object(); more; more = r.NextMember() {
			r.Int()
		}
		if !r.Failed() || r.Wrong() != "size" {
			t.Errorf("%s: failed %v, wrong %q", text, r.Failed(), r.Wrong())
		}
	}
}

func TestAppend_DecodesToWhatItWasGiven(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		raw := make([]byte, random.IntN(12))
		for i := range raw {
			raw[i] = byte(random.IntN(256))
			if random.IntN(3) == 0 {
				raw[i] = "\"\\<>&\n\t\x00\x1f\x7f'"[random.IntN(11)]
			}
		}
		text := string(raw)
		if random.IntN(2) == 0 {
			text += string(rune(random.IntN(0x110000))) + "\u2028"
		}
		standard, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var want, got string
		if err := json.Unmarshal(standard, &want); err != nil {
			t.Fatal(err)
		}
		ours := AppendString(nil, text)
		if err := json.Unmarshal(ours, &got); err != nil || got != want {
			t.Fatalf("%q: %s decodes to %q, want %q (%v)", text, ours, got, want, err)
		}
	}
	for _, value := range []float64{0, 1, -1, 0.1, 1e20, 1e21, 1e-6, 1e-7, 1.5e300, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Copysign(0, -1), 0.44} {
		var got float64
		if err := json.Unmarshal(AppendFloat(nil, value), &got); err != nil || got != value {
			t.Errorf("%v: %s", value, AppendFloat(nil, value))
		}
	}
	for _, value := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if got := AppendFloat(nil, value); string(got) != "null" {
			t.Errorf("%v: %s", value, got)
		}
	}
}

func TestMerge_LaysMembersOver(t *testing.T) {
	for _, row := range [][3]string{
		{`{"a":1,"b":{"c":2}}`, `{"b":3,"d":"x"}`, `{"a":1,"b":3,"d":"x"}`},
		{`{"a":1}`, `{"a":null}`, `{}`},
		{`{"a":1}`, ``, `{"a":1}`},
		{``, `{"a":1}`, `{"a":1}`},
		{`{"a":1}`, `[1]`, `{"a":1}`},
		{`{"a":1}`, `{"b":1,"b":2}`, `{"a":1,"b":2}`},
		{`{"a\"b":1}`, `{"é\n":null,"\u0063":[1, 2]}`, `{"a\"b":1,"c":[1, 2]}`},
	} {
		got := Merge(nil, row[0], row[1])
		if string(got) != row[2] || !json.Valid(got) {
			t.Errorf("%s over %s: %s, want %s", row[1], row[0], got, row[2])
		}
	}
	if Field(`{"a":1,"a":[2]}`, "a") != "[2]" || Field(`{"a":null}`, "a") != "" || Field(`x`, "a") != "" {
		t.Error("Field finds the wrong member")
	}
	if !Has(`{"a":null}`, "a") || Has(`{"b":{"a":1}}`, "a") || IsObject(`{} x`) || !IsObject(` {"a":1} `) || IsObject(`{"a"`) {
		t.Error("Has or IsObject is wrong")
	}
}

func TestWriter_SetsTheCommas(t *testing.T) {
	w := Writer{}
	w.Open('{')
	w.TextField("empty", "")
	w.TextField("a", "x")
	w.IntField("zero", 0)
	w.IntField("i", -3)
	w.Key("list")
	w.Open('[')
	w.Raw(nil)
	w.Open('{')
	w.Close('}')
	w.Bool(true)
	w.Float(0.5)
	w.Close(']')
	w.MapField("m", map[string]string{"z": "1", "a": "2"})
	w.TextsField("t", []string{"p", "q"})
	w.RawField("r", []byte(`[1]`))
	w.BoolField("no", false)
	w.BoolField("yes", true)
	w.FloatField("f", 1.5)
	w.Name("q\"q")
	w.Text("v")
	w.Close('}')
	want := `{"a":"x","i":-3,"list":[null,{},true,0.5],"m":{"a":"2","z":"1"},"t":["p","q"],"r":[1],"yes":true,"f":1.5,"q\"q":"v"}`
	if !bytes.Equal(w.Buf, []byte(want)) {
		t.Errorf("got  %s\nwant %s", w.Buf, want)
	}
}

func TestRaw_IsJSONThoughAStringHoldsControlCharacters(t *testing.T) {
	for text, want := range map[string]string{
		"{\"a\":\"x\ny\"}":                           `{"a":"x\u000ay"}`,
		"[\"\\\"\x01\\\\\",\n\t\"é\x1f\"]":           "[\"\\\"\\u0001\\\\\",\n\t\"é\\u001f\"]",
		"{\"a\tb\":[\"12345678\x009\"]}":             `{"a\u0009b":["12345678\u00009"]}`,
		"{ \"a\" :\n\"nothing to escape\\n\" }":      "{ \"a\" :\n\"nothing to escape\\n\" }",
		"[\"\n\", \"the end of the other is \\\\\"]": `["\u000a", "the end of the other is \\"]`,
	} {
		r := New(`{"before":"` + "\n" + `","it":` + text + `}`)
		for more := r.Object(); more; more = r.NextMember() {
			if r.Key() != "it" {
				r.Skip()
			} else if got := r.Raw(); got != want || !json.Valid([]byte(got)) {
				t.Errorf("%q reads as %q, want %q", text, got, want)
			}
		}
		if !r.Done() {
			t.Errorf("%q is not read to its end", text)
		}
		strict := New(text)
		strict.Strict = true
		if strict.Raw(); strict.Done() != (want == text) {
			t.Errorf("a strict reader takes %q: %v", text, strict.Done())
		}
	}
}

// TestMerge_EndsWithAnyNumberOfMembers lays very many members upon as many: done for
// each with each it does not end.
func TestMerge_EndsWithAnyNumberOfMembers(t *testing.T) {
	const n = 300_000
	object := func(from int, value string) string {
		text := []byte{'{'}
		for i := from; i < from+n; i++ {
			text = append(AppendString(text, strconv.Itoa(i)), ':')
			text = append(append(text, value...), ',')
		}
		return string(append(text, `"last":null,"last":1,"gone":1,"gone":null}`...))
	}
	merged := map[string]int{}
	if err := json.Unmarshal(Merge(nil, object(0, "1"), object(n/2, "2")), &merged); err != nil {
		t.Fatal(err)
	}
	if _, gone := merged["gone"]; len(merged) != n+n/2+1 || merged["0"] != 1 || merged[strconv.Itoa(n/2)] != 2 || merged[strconv.Itoa(n)] != 2 || merged["last"] != 1 || gone {
		t.Errorf("%d members", len(merged))
	}
}
