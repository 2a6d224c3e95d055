package dashboard

import (
	"embed"
	"mime"
	"net/http"
	"path"
)

// page holds what the browser loads. It asks nobody else for anything.
//
//go:embed page
var pages embed.FS

// file serves one of the page's files.
func file(name string) http.HandlerFunc {
	text, err := pages.ReadFile("page/" + name)
	if err != nil {
		panic(err) // it is embedded by name: cannot be
	}
	kind := mime.TypeByExtension(path.Ext(name))
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(text)
	}
}
