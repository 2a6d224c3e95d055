package simkit

import "testing"

// ofACloud are settings as a cloud has them: its own beside the common ones.
type ofACloud struct {
	Options
	BootMS int64              `json:"boot_ms,omitempty"`
	Prices map[string]float64 `json:"prices,omitempty"`
}

func TestDecodeOptions_NamesThePlaceOfAMistakeAndWhatWasMeant(t *testing.T) {
	for settings, want := range map[string]string{
		`{"bootms":5}`:                      "sim: mycloud.bootms: unknown field; did you mean boot_ms?",
		`{"rate_limit":true}`:               "sim: mycloud.rate_limit: unknown field; did you mean rate_limits?",
		`{"boot_ms":"5"}`:                   "sim: mycloud.boot_ms: is to be a whole number",
		`{"boot_ms":0.5}`:                   "sim: mycloud.boot_ms: is to be a whole number",
		`{"seed":-1}`:                       "sim: mycloud.seed: is to be a whole number from 0",
		`{"manual_clock":1}`:                "sim: mycloud.manual_clock: is to be true or false",
		`{"start":"yesterday"}`:             "sim: mycloud.start: is to be a time such as 2026-06-01T12:00:00Z",
		`{"start":3}`:                       "sim: mycloud.start: is to be a time such as 2026-06-01T12:00:00Z",
		`{"prices":{"h100":"2"}}`:           "sim: mycloud.prices.h100: is to be a number",
		`{"faults":{}}`:                     "sim: mycloud.faults: is to be an array",
		`{"faults":[{"effect":7}]}`:         "sim: mycloud.faults[0].effect: is to be a string",
		`{"faults":[{},{"methd":"GET"}]}`:   "sim: mycloud.faults[1].methd: unknown field; did you mean method?",
		`{"accounts":[{"zzz":1}]}`:          "sim: mycloud.accounts[0].zzz: unknown field; the fields here are: balance_usd, key, name",
		`{"accounts":[{"balance_usd":""}]}`: "sim: mycloud.accounts[0].balance_usd: is to be a number",
		`[]`:                                "sim: mycloud: is to be an object",
		`{} {}`:                             "sim: mycloud: something comes after the JSON",
		`{"boot_ms":1`:                      "sim: mycloud: it is no JSON: unexpected EOF",
	} {
		if err := DecodeOptions("mycloud", []byte(settings), &ofACloud{}); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", settings, err, want)
		}
	}
	for _, settings := range []string{"", " ", "null", "{}", `{"seed":18446744073709551615,"start":"2026-06-01T12:00:00.5Z","boot_ms":null,"prices":{"a":1}}`} {
		if err := DecodeOptions("mycloud", []byte(settings), &ofACloud{}); err != nil {
			t.Errorf("%s: %v", settings, err)
		}
	}
}

func TestOptions_ThatCannotBeAreRefused(t *testing.T) {
	for _, o := range []Options{{ClockFactor: -1}, {ClockFactor: 1e12}, {ListLagMS: -1}, {GetLagMS: -1}, {Accounts: []AccountOptions{{Name: "a"}}},
		{Accounts: []AccountOptions{{Key: "a"}, {Key: "a"}}}, {Windows: []Window{{Name: "w", Quota: 1}}}, {Windows: []Window{{Name: "w", Seconds: 1}}}} {
		if _, err := New(o, nil); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}
