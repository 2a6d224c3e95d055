package jsonx

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"
)

// literals are numbers, and what is nearly one, that the short way of reading
// must leave to the other, or read as that does.
var literals = []string{"0", "1", "7", "0.44", "3.10", "00", "01", "0.0", "00.5", "1.", ".5", "1.2.3", "-1", "-0", "-0.5", "1e5", "1.5e3", "1E-2", "+1", "1x", "", "-", ".",
	"99999", "100000", "123456789012345", "1234567890123456", "12345678901234567890", "0.1234567890123", "0.12345678901234", "9007199254740993", "1.000000000000001", "4294967296"}

// TestReader_ReadsShortNumbersAsTheGeneralWayDoes compares the two ways.
func TestReader_ReadsShortNumbersAsTheGeneralWayDoes(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	all := literals
	for range 50_000 {
		digits := make([]byte, 1+random.IntN(18))
		for i := range digits {
			digits[i] = "0123456789."[random.IntN(11)]
		}
		all = append(all, string(digits))
	}
	for _, literal := range all {
		for _, behind := range []string{"]", ",1]", " ]", ""} {
			for _, strict := range []bool{false, true} {
				text := literal + behind
				short, general := Reader{data: text, Strict: strict}, Reader{data: text, Strict: strict}
				if got, want := short.Int(), general.int(); got != want || short != general {
					t.Fatalf("Int of %q: %d %+v, the general way %d %+v", text, got, short, want, general)
				}
				short, general = Reader{data: text, Strict: strict}, Reader{data: text, Strict: strict}
				got, ok := short.Float()
				want, wantOK := general.float()
				if got != want || ok != wantOK || short != general {
					t.Fatalf("Float of %q: %v %v %+v, the general way %v %v %+v", text, got, ok, short, want, wantOK, general)
				}
				short, general = Reader{data: text, Strict: strict}, Reader{data: text, Strict: strict}
				short.Skip()
				if general.skip(); short != general {
					t.Fatalf("Skip of %q: %+v, the general way %+v", text, short, general)
				}
			}
		}
	}
}

// TestAppendFloat_WritesWhatStrconvDoes goes through all prices, and through
// numbers near them.
func TestAppendFloat_WritesWhatStrconvDoes(t *testing.T) {
	check := func(value float64) {
		if got, want := string(AppendFloat(nil, value)), strconv.FormatFloat(value, 'f', -1, 64); got != want {
			t.Fatalf("%v: %s, strconv writes %s", value, got, want)
		}
	}
	random := rand.New(rand.NewPCG(5, 6))
	for n := range 300_000 {
		check(float64(n) / 10_000)
		check(float64(random.IntN(1_000_000_000)) / 10_000)
		check(random.Float64() * 10)
		check(math.Nextafter(float64(n+1)/10_000, math.Inf(1)))
	}
	for _, value := range []float64{0, math.Copysign(0, -1), -0.5, 99_999.9999, 100_000, 100_000.5, 1e-6, 0.00005} {
		check(value)
	}
}

func TestAppendInt_WritesWhatStrconvDoes(t *testing.T) {
	for n := int64(-11); n < 110_000; n++ {
		if got, want := string(AppendInt([]byte("x"), n)), "x"+strconv.FormatInt(n, 10); got != want {
			t.Fatalf("%d: %s", n, got)
		}
	}
	for _, n := range []int64{math.MaxInt64, math.MinInt64} {
		if got := string(AppendInt(nil, n)); got != strconv.FormatInt(n, 10) {
			t.Errorf("%d: %s", n, got)
		}
	}
}

// TestScan_StopsAtEachSpecialByteAndAtNoOther puts every byte at every place of
// texts of every length that the loops treat apart.
func TestScan_StopsAtEachSpecialByteAndAtNoOther(t *testing.T) {
	for size := range 27 {
		for from := range size + 1 {
			for at := range size {
				for c := range 256 {
					text := []byte(strings.Repeat("a", size))
					text[at] = byte(c)
					want := size
					if special := c < ' ' || c == '"' || c == '\\' || c >= 0x80; special && at >= from {
						want = at
					}
					if got := plain(string(text), from); got != want {
						t.Fatalf("plain(%q, %d) = %d, want %d", text, from, got, want)
					}
					if got, want := Visible(string(text)), c > ' ' && c < 0x7f; got != want {
						t.Fatalf("Visible(%q) = %v", text, got)
					}
				}
			}
		}
	}
}

func TestPut_CopiesTheTextAndNothingBesideIt(t *testing.T) {
	const source = "abcdefghijklmnopqrstuvwxyz0123456789"
	for size := range len(source) {
		room := []byte(strings.Repeat(".", size+2))
		put(unsafe.Pointer(&room[1]), source[:size])
		if got, want := string(room), "."+source[:size]+"."; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// FuzzScan compares the scans, whose words have bytes before the first one asked
// about and behind a special one, with plain loops.
func FuzzScan_StopsWhereALoopDoes(f *testing.F) {
	f.Add("1234567\"#\"]\\]\\\\] \x1f \x00!\x7f\x80\x7f", 3)
	f.Add("abcdefg\"#", 8)
	f.Add("abcdefg\\]", 8)
	f.Add("abcdefg\n ", 8)
	f.Fuzz(func(t *testing.T, text string, from int) {
		if from < 0 || from > len(text) {
			return
		}
		want := from
		for want < len(text) && text[want] >= ' ' && text[want] != '"' && text[want] != '\\' && text[want] < 0x80 {
			want++
		}
		if got := plain(text, from); got != want {
			t.Errorf("plain(%q, %d) = %d, want %d", text, from, got, want)
		}
		visible := true
		for at := range len(text) {
			visible = visible && text[at] > ' ' && text[at] < 0x7f
		}
		if got := Visible(text); got != visible {
			t.Errorf("Visible(%q) = %v", text, got)
		}
	})
}

// FuzzAppendString compares with encoding/json, byte for byte but for the two
// separators of lines that it escapes.
func FuzzAppendString_WritesWhatEncodingJSONDoes(f *testing.F) {
	f.Add("abcdef\"#")
	f.Add("a\xffb\x00\x1f\x7f\u2028")
	f.Fuzz(func(t *testing.T, text string) {
		var want bytes.Buffer
		encoder := json.NewEncoder(&want)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(text); err != nil {
			t.Fatal(err)
		}
		standard := strings.NewReplacer(`\b`, `\u0008`, `\f`, `\u000c`, `\u2028`, "\u2028", `\u2029`, "\u2029", `\\`, `\\`).Replace(strings.TrimSuffix(want.String(), "\n"))
		room := []byte("before")
		if got := string(AppendString(room, text)); got != "before"+standard {
			t.Errorf("%q: %s, encoding/json writes %s", text, got, standard)
		}
	})
}

// ways are the exported functions that have a short way, and those behind them.
type ways struct {
	object, next, element func(*Reader) bool
	text                  func(*Reader) string
	whole                 func(*Reader) int64
	real                  func(*Reader) (float64, bool)
	skip                  func(*Reader)
}

var (
	shortWays   = ways{(*Reader).Object, (*Reader).NextMember, (*Reader).NextElement, (*Reader).Text, (*Reader).Int, (*Reader).Float, (*Reader).Skip}
	generalWays = ways{(*Reader).object, (*Reader).nextMember, func(r *Reader) bool { return r.next(']') }, (*Reader).text, (*Reader).int, (*Reader).float, (*Reader).skip}
)

// walk reads a value as a provider would, choices telling which function is asked
// for each, and returns all that it was told.
func (w *ways) walk(r *Reader, choices *uint64, out []string) []string {
	choice := *choices & 7
	*choices = *choices>>3 | *choices<<61
	switch choice {
	case 0, 1:
		for more := w.object(r); more; more = w.next(r) {
			out = w.walk(r, choices, append(out, r.Key()))
		}
	case 2:
		for more := r.Array(); more; more = w.element(r) {
			out = w.walk(r, choices, append(out, "["))
		}
	case 3:
		out = append(out, w.text(r))
	case 4:
		out = append(out, strconv.FormatInt(w.whole(r), 10))
	case 5:
		value, ok := w.real(r)
		out = append(out, strconv.FormatFloat(value, 'g', -1, 64)+strconv.FormatBool(ok))
	case 6:
		out = append(out, r.Raw())
	default:
		w.skip(r)
	}
	return out
}

func FuzzReader_TheShortWaysReadWhatTheGeneralOnesDo(f *testing.F) {
	for _, text := range oddities {
		f.Add(text, uint64(0o76543210))
	}
	for _, text := range []string{`{"a":"b","c":1,"d":{"e":[1,2.50,"x"]}}`, "{\"a\" :1,\"b\\u0041\":\"\\ud800\",\"\x01\":01}", `{"a":}`, `{"a":1 ,"b" : 2}`, `[1,"a"}`, `{"a":1]`, `{"aaaaaaaaaaaaaaa":"bbbbbbbbbbbbbbbbbbbbbbb"`} {
		f.Add(text, uint64(0o30415260))
		f.Add(text, uint64(0o33333310))
	}
	f.Fuzz(func(t *testing.T, text string, choices uint64) {
		for _, strict := range []bool{false, true} {
			short, general := Reader{data: text, Strict: strict}, Reader{data: text, Strict: strict}
			first, second := choices, choices
			got, want := shortWays.walk(&short, &first, nil), generalWays.walk(&general, &second, nil)
			if !slices.Equal(got, want) || short.Done() != general.Done() || short != general {
				t.Fatalf("%q, strict %v: %q %+v, the general ways %q %+v", text, strict, got, short, want, general)
			}
		}
	})
}
