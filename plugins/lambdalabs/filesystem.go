package lambdalabs

import (
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// defaultMountPath is where a container sees its volume.
const defaultMountPath = "/workspace"

// filesystem is the network volume that is mounted, if any.
type filesystem struct {
	id, region string
	at         string // path on the machine
}

// mount looks the network volume up, by identifier or by name, since it pins the
// region.
func (l *launch) mount() *spec.Error {
	wanted := l.request.NetworkVolumeID
	if wanted == "" {
		return nil
	}
	got, err := ask(l.env, call{method: "GET", path: "/api/v1/file-systems"})
	if err != nil {
		return err
	}
	whole := elements(got.data, func(text string) bool {
		var f filesystem
		called := ""
		r := jsonx.New(text)
		for more := r.Object(); more; more = r.NextMember() {
			switch r.Key() {
			case "id":
				f.id = r.Text()
			case "name":
				called = r.Text()
			case "mount_point":
				f.at = r.Text()
			case "region":
				f.region = regionName(&r)
			default:
				r.Skip()
			}
		}
		if f.id == wanted || called == wanted && l.volume.id == "" {
			l.volume = f
		}
		return r.Done()
	})
	switch {
	case !whole:
		return rest.Unreadable(&got.Response, "list of filesystems")
	case l.volume.id == "":
		return invalid("network_volume_id: the account has no filesystem of that name or identifier", "")
	}
	if path := l.request.VolumeMountPath; l.request.Image == "" && path != "" {
		l.volume.at = path
	}
	if !mountable(l.volume.at) {
		l.volume.at = "/lambda/nfs/" + l.volume.id
	}
	return nil
}

// write adds the filesystem to a launch.
func (f *filesystem) write(w *jsonx.Writer) {
	if f.id == "" {
		return
	}
	w.Key("file_system_mounts")
	w.Open('[')
	w.Open('{')
	w.Key("mount_point")
	w.Text(f.at)
	w.Key("file_system_id")
	w.Text(f.id)
	w.Close('}')
	w.Close(']')
}

// mountable reports whether Lambda mounts at a path: one that matches
// ^(/home|/lambda/nfs|/data)[/a-zA-Z0-9-]*$ and is no longer than 256 bytes.
func mountable(path string) bool {
	rest := ""
	for _, root := range []string{"/home", "/lambda/nfs", "/data"} {
		if after, ok := strings.CutPrefix(path, root); ok {
			rest = after
			break
		} else if root == "/data" {
			return false
		}
	}
	for i := range len(rest) {
		c := rest[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '/' && c != '-' {
			return false
		}
	}
	return len(path) <= 256
}
