package sim

import (
	"encoding/json"
	"testing"
)

func TestStart_RefusesSettingsThatCannotBe(t *testing.T) {
	for _, row := range []struct{ cloud, settings, want string }{
		{"runpod", `{"boot_ms":-5}`, "sim: runpod.boot_ms: is to be 0 or more"},
		{"runpod", `{"boot_ms":9223372036854775807}`, "sim: runpod.boot_ms: is to be 100 years at most, 3155760000000"},
		{"runpod", `{"listing_lag_ms":-1}`, "sim: runpod.listing_lag_ms: is to be 0 or more"},
		{"runpod", `{"job_usd_per_hour":-0.1}`, "sim: runpod.job_usd_per_hour: is to be 0 or more"},
		{"runpod", `{"births":[{"do":"vanish"}]}`, "sim: runpod.births[0]: happens to no machine; give nth or every"},
		{"runpod", `{"births":[{"nth":1,"do":"vanish"},{"every":-1,"do":"vanish"}]}`, "sim: runpod.births[1].every: is to be 0 or more"},
		{"vast", `{"hosts":-3}`, "sim: vast.hosts: is to be 0 or more"},
		{"vast", `{"auth_status":42}`, "sim: vast.auth_status: is to be an HTTP status, 200 to 599"},
		{"fly", `{"shortage_status":1000}`, "sim: fly.shortage_status: is to be an HTTP status, 200 to 599"},
		{"fly", `{"app_lag":-1}`, "sim: fly.app_lag: is to be 0 or more"},
		{"fly", `{"logs":[{"app":"a","lines":[{"message":"m"},{"message":"m","age_ms":-1}]}]}`, "sim: fly.logs[0].lines[1].age_ms: is to be 0 or more"},
		{"fly", `{"logs":[{"app":"a","every_ms":-1}]}`, "sim: fly.logs[0].every_ms: is to be 0 or more"},
		{"lambda_labs", `{"filesystem_hold_ms":-1}`, "sim: lambda_labs.filesystem_hold_ms: is to be 0 or more"},
		{"mock", `{"prices":{"mock-h100":2,"mock-a100":-1}}`, "sim: mock.prices.mock-a100: is to be 0 or more"},
		{"mock", `{"page_size":-1}`, "sim: mock.page_size: is to be 0 or more"},
		{"acme", `{"per_page":-1}`, "sim: acme.per_page: is to be 0 or more"},
		{"acme", `{"faults":[{"effect":"status","status":503,"retry_after":-1}]}`, "sim: acme.faults[0].retry_after: is to be 0 or more"},
	} {
		s, err := Start(row.cloud, Options{Settings: json.RawMessage(row.settings)})
		if err == nil {
			_ = s.Close()
		}
		if err == nil || err.Error() != row.want {
			t.Errorf("%s %s: %v, want %s", row.cloud, row.settings, err, row.want)
		}
	}
	for cloud, settings := range map[string]string{ // what may be negative, or 0
		"runpod": `{"stream_hold_ms":-1,"balance_usd":-2.5,"accounts":[{"key":"k","balance_usd":-1}],"capacity":[{"count":-1}]}`,
		"fly":    `{"boot_ms":0,"shortage_status":0}`,
	} {
		s, err := Start(cloud, Options{Settings: json.RawMessage(settings)})
		if err != nil {
			t.Errorf("%s %s: %v", cloud, settings, err)
			continue
		}
		_ = s.Close()
	}
}
