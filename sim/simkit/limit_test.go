package simkit

import (
	"testing"
	"time"
)

func TestLimiter_RefusesBeyondItsQuotaAndTellsWhenToComeBack(t *testing.T) {
	l := NewLimiter([]Window{{"minute", 2, 60}, {"hour", 3, 3600}})
	now := instant()
	if v := l.Take("a", now); !v.OK || v.Header != `"minute";r=1;t=60, "hour";r=2;t=3600` || v.Policy != `"minute";q=2;w=60, "hour";q=3;w=3600` {
		t.Errorf("first: %+v", v)
	}
	l.Take("a", now)
	v := l.Take("a", now.Add(20*time.Second))
	if v.OK || v.Window != "minute" || v.RetryAfter != 40 || v.Header != `"minute";r=0;t=40, "hour";r=1;t=3580` {
		t.Errorf("third within the minute: %+v", v)
	}
	if !l.Take("b", now).OK {
		t.Error("another account was refused")
	}
	if !l.Take("a", now.Add(time.Minute)).OK {
		t.Error("a new minute was refused")
	}
	if v := l.Take("a", now.Add(2*time.Minute)); v.OK || v.Window != "hour" || v.RetryAfter != 3480 {
		t.Errorf("fourth within the hour: %+v", v)
	}
}

func TestCapacity_TakesNoMoreThanTheTightestLimit(t *testing.T) {
	c := &Capacity{}
	c.Set(Limit{GPU: "h100", Count: 3})
	c.Set(Limit{GPU: "h100", Region: "r1", Count: 1})
	one := Claim{GPU: "h100", Cloud: "SECURE", Region: "r1", Count: 1}
	two := Claim{GPU: "h100", Cloud: "SECURE", Region: "r2", Count: 2}
	if !c.Take(one) || c.Take(one) {
		t.Error("r1 has room for exactly one")
	}
	if !c.Take(two) || c.Take(Claim{GPU: "h100", Region: "r3", Count: 1}) {
		t.Error("there is room for three in all")
	}
	c.Give(two)
	if free := c.Free(Claim{GPU: "h100", Region: "r2"}); free != 2 {
		t.Errorf("%d free after giving two back", free)
	}
	if !c.Take(Claim{GPU: "l4", Count: 100}) {
		t.Error("a kind without a limit was refused")
	}
	c.Set(Limit{GPU: "h100", Region: "r1", Count: -1})
	if len(c.Limits()) != 1 {
		t.Errorf("a lifted limit is still there: %v", c.Limits())
	}
}

func TestAccounts_AreKnownByTheirKeys(t *testing.T) {
	open := newAccounts(nil, false)
	if a := open.Find([]byte("k1")); a == nil || a != open.Find([]byte("k1")) || a == open.Find([]byte("k2")) {
		t.Error("a key is one account, another key another")
	}
	if open.Find(nil) != nil || open.Find([]byte("invalid-1")) != nil {
		t.Error("a missing or invalid key found an account")
	}
	if !open.Find([]byte("forbidden-1")).Forbidden || !open.Find([]byte("readonly-1")).ReadOnly {
		t.Error("keys without rights have them")
	}
	fixed := newAccounts([]AccountOptions{{Key: "k1", Name: "one"}}, false)
	if fixed.Find([]byte("k1")).Name != "one" || fixed.Find([]byte("k2")) != nil {
		t.Error("a fixed set knows its own keys only")
	}
}

func TestVerifyURL_AgreesWithTheVectorsOfTheFormat(t *testing.T) {
	rows := []struct {
		path, query string
		now         int64
		want        error
	}{
		{"/stream", "a=1&b=x+y&exp=1700003600&sig=2XiktYQEHzJeDwwjftZ85xjdyOeX5YLlmSpd9ZtrUAI", 1700003600, nil},
		{"/stream", "sig=2XiktYQEHzJeDwwjftZ85xjdyOeX5YLlmSpd9ZtrUAI&b=x%20y&exp=1700003600&a=1", 1700000000, nil},
		{"", "exp=1700003600&sig=O8fVqLOmaXgbyaFEn03VPcMTuA5JrEMIbXOmNMvasY0", 1700000000, nil},
		{"/stream", "a=1&b=x+y&exp=1700003600&sig=2XiktYQEHzJeDwwjftZ85xjdyOeX5YLlmSpd9ZtrUAI", 1700003601, ErrExpired},
		{"/other", "a=1&b=x+y&exp=1700003600&sig=2XiktYQEHzJeDwwjftZ85xjdyOeX5YLlmSpd9ZtrUAI", 1700000000, ErrBadSignature},
		{"/stream", "a=1&sig=x", 1700000000, ErrMalformed},
		{"/stream", "exp=1700003600", 1700000000, ErrMalformed},
	}
	for _, row := range rows {
		if got := VerifyURL(row.path, row.query, "s3cr3t", time.Unix(row.now, 0)); got != row.want {
			t.Errorf("%s?%s: %v, want %v", row.path, row.query, got, row.want)
		}
	}
}

func TestAppendString_WritesWhatAParserReadsBack(t *testing.T) {
	for in, want := range map[string]string{"plain": `"plain"`, "a\"b\\c": `"a\"b\\c"`, "\n\t\x01": `"\n\t\u0001"`, "é€😀": `"é€😀"`, "x\xffy": "\"x\ufffdy\""} {
		if got := string(AppendString(nil, in)); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
