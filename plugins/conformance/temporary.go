package conformance

import (
	"os"
	"path/filepath"
)

// temporary writes a module where the host can read it.
func temporary(module []byte) (file string, end func(), err error) {
	folder, err := os.MkdirTemp("", "exatlas-plugin-test-")
	if err != nil {
		return "", nil, err
	}
	end = func() { _ = os.RemoveAll(folder) } // the system's temporary folder
	file = filepath.Join(folder, "plugin.wasm")
	if err := os.WriteFile(file, module, 0o600); err != nil {
		end()
		return "", nil, err
	}
	return file, end, nil
}
