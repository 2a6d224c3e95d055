package fly

import (
	"slices"
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

const (
	defaultMountPath = "/workspace"
	volumeName       = "atlas_data"
)

// volume is a disk on one of Fly's hosts; the machine that mounts it runs there.
type volume struct {
	id, region, state string
}

func readVolume(r *jsonx.Reader) volume {
	var v volume
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "id":
			v.id = r.Text()
		case "region":
			v.region = r.Text()
		case "state":
			v.state = r.Text()
		default:
			r.Skip()
		}
	}
	return v
}

// volumeNeedsApp is the error of a volume that nobody would delete.
func volumeNeedsApp() *spec.Error {
	return lacks("volume_gb is for machines with an app of their own on Fly, with which the volume goes",
		"leave the app out, or make the volume in it yourself and name it in network_volume_id")
}

// createVolume makes the machine's disk. The size of the machine goes with it, so
// that the host has room for both.
func createVolume(env sdk.Env, p *plan, region string) (volume, *spec.Error) {
	w := jsonx.Writer{}
	w.Open('{')
	w.TextField("name", volumeName)
	w.TextField("region", region)
	w.IntField("size_gb", int64(p.volumeGB))
	if p.size.cpus > 0 {
		w.Key("compute")
		writeGuest(&w, p.size)
	}
	w.Close('}')
	response, err := ask(env, call{method: "POST", path: appPath(p.app, "/volumes"), body: w.Buf, aside: true})
	if err != nil {
		return volume{}, err
	}
	return oneVolume(&response)
}

// lookUpVolume finds the disk that the caller named, which decides the region.
func lookUpVolume(env sdk.Env, p *plan) (volume, *spec.Error) {
	response, err := ask(env, call{method: "GET", path: appPath(p.app, "/volumes/"+rest.Escape(p.volumeID))})
	if err != nil {
		if err.Kind == spec.KindNotFound { // what is named, and not a machine
			err.Kind, err.Hint = spec.KindValidation, "the app "+p.app+" has no volume of that network_volume_id"
		}
		return volume{}, err
	}
	v, err := oneVolume(&response)
	if err == nil && len(p.regions) > 0 && !slices.Contains(p.regions, v.region) {
		return v, invalid("network_volume_id is in the region "+v.region+", which is not among region_hints", "leave region_hints out")
	}
	return v, err
}

func oneVolume(response *sdk.Response) (volume, *spec.Error) {
	r := jsonx.New(response.Body)
	v := readVolume(&r)
	if !r.Done() || v.id == "" {
		return v, rest.Unreadable(response, "volume")
	}
	return v, nil
}

func deleteVolume(env sdk.Env, app, id string) *spec.Error {
	response, err := ask(env, call{method: "DELETE", path: appPath(app, "/volumes/"+rest.Escape(id)), aside: true})
	switch {
	case err != nil && err.Kind == spec.KindNotFound:
		return nil
	case err == nil && !spoken(&response):
		err = rest.Unreadable(&response, "confirmation")
	}
	return err
}

// deleteVolumes deletes what disks an app has.
func deleteVolumes(env sdk.Env, app string) *spec.Error {
	response, err := ask(env, call{method: "GET", path: appPath(app, "/volumes?summary=true")})
	if err != nil {
		if err.Kind == spec.KindNotFound {
			return nil
		}
		return err
	}
	r := jsonx.New(response.Body)
	if r.Kind() == jsonx.None {
		return rest.Unreadable(&response, "list of volumes")
	}
	var failed *spec.Error
	for more := r.Array(); more; more = r.NextElement() {
		v := readVolume(&r)
		if v.id == "" || strings.Contains(v.state, "destroy") {
			continue
		}
		if err := deleteVolume(env, app, v.id); err != nil {
			failed = err
		}
	}
	if !r.Done() {
		return rest.Unreadable(&response, "list of volumes")
	}
	return failed
}

// nearest is the region nearest to this host, for a disk that needs one named.
func nearest(env sdk.Env) (string, *spec.Error) {
	response, err := ask(env, call{method: "GET", path: "/platform/regions"})
	if err != nil {
		return "", err
	}
	r := jsonx.New(jsonx.Field(response.Body, "nearest"))
	region := r.Text()
	if region == "" {
		return "", rest.Unreadable(&response, "list of regions")
	}
	return region, nil
}
