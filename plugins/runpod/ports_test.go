package runpod

import (
	"slices"
	"testing"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
)

func TestPorts_AsksForSymmetricOnesByNumbersOfTheirOwn(t *testing.T) {
	got := portTexts([]spec.PortRequest{{Internal: 8000}, {Internal: 7000, Symmetric: true}, {Internal: 22, Protocol: spec.ProtocolTCP}, {Internal: 7001, Protocol: spec.ProtocolTCP, Symmetric: true}})
	if want := []string{"8000/http", "70001/tcp", "22/tcp", "70002/tcp"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestPorts_ShowTheNumberOfASymmetricOneOnceItIsChosen(t *testing.T) {
	awaited, chosen := spec.Port{Protocol: spec.ProtocolTCP, Symmetric: true}, func(number int, url string) spec.Port {
		return spec.Port{Internal: number, External: number, Protocol: spec.ProtocolTCP, Host: "1.2.3.4", URL: url, Symmetric: true}
	}
	plain := spec.Port{Internal: 22, External: 22, Protocol: spec.ProtocolTCP, Host: "1.2.3.4", URL: "tcp://1.2.3.4:22"}
	for _, row := range []struct {
		ports, runtime string
		want           []spec.Port
	}{
		{`["70001/tcp"]`, `null`, []spec.Port{awaited}},
		{`["70001/tcp"]`, `{"ports":[{"private":10001,"public":10001,"type":"tcp","ip":"1.2.3.4"}]}`, []spec.Port{chosen(10001, "tcp://1.2.3.4:10001")}},
		{`["70001/tcp"]`, `{"ports":[{"private":70001,"public":10001,"type":"tcp","ip":"1.2.3.4"}]}`, []spec.Port{chosen(10001, "tcp://1.2.3.4:10001")}},
		{`["22/tcp","70001/tcp","70002/tcp"]`, `{"ports":[{"private":22,"public":22,"type":"tcp","ip":"1.2.3.4"},{"private":10001,"public":10001,"type":"tcp","ip":"1.2.3.4"}]}`,
			[]spec.Port{plain, chosen(10001, "tcp://1.2.3.4:10001"), awaited}},
		{`["22/tcp"]`, `{"ports":[{"private":22,"public":22,"type":"tcp","ip":"1.2.3.4"}]}`, []spec.Port{plain}},
		{`["70001/http"]`, `null`, []spec.Port{}},
	} {
		c, ok := toCompute(sdk.Env{}, `{"id":"p","status":"RUNNING","ports":`+row.ports+`,"runtime":`+row.runtime+`}`)
		if !ok || !slices.Equal(c.Ports, row.want) {
			t.Errorf("%s with %s: %+v, want %+v", row.ports, row.runtime, c.Ports, row.want)
		}
	}
}
