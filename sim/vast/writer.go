package vast

import (
	"strings"

	"github.com/exatlas/atlas/sim/simkit"
)

// writer appends the members of an object and sets the commas.
type writer struct {
	b []byte
}

func (w *writer) key(name string) {
	if last := w.b[len(w.b)-1]; last != '{' {
		w.b = append(w.b, ',')
	}
	w.b = append(simkit.AppendString(w.b, name), ':')
}

func (w *writer) text(name, value string) {
	w.key(name)
	w.b = simkit.AppendString(w.b, value)
}

// textOrNull writes null for nothing.
func (w *writer) textOrNull(name, value string) {
	if value == "" {
		w.null(name)
		return
	}
	w.text(name, value)
}

func (w *writer) int(name string, value int64) {
	w.key(name)
	w.b = simkit.AppendInt(w.b, value)
}

// float writes a number with a point, as Vast's server does.
func (w *writer) float(name string, value float64) {
	w.key(name)
	from := len(w.b)
	if w.b = simkit.AppendFloat(w.b, value); !strings.Contains(string(w.b[from:]), ".") {
		w.b = append(w.b, ".0"...)
	}
}

func (w *writer) bool(name string, value bool) {
	w.key(name)
	w.b = simkit.AppendBool(w.b, value)
}

func (w *writer) null(name string) {
	w.key(name)
	w.b = append(w.b, "null"...)
}

func (w *writer) raw(name, value string) {
	w.key(name)
	w.b = append(w.b, value...)
}

// costs writes a block of prices.
func (w *writer) costs(name string, gpus, disk float64) {
	w.key(name)
	inner := writer{b: append(w.b, '{')}
	inner.float("gpuCostPerHour", gpus)
	inner.float("diskHour", disk)
	inner.float("totalHour", gpus+disk)
	inner.int("discountTotalHour", 0)
	inner.float("discountedTotalPerHour", gpus+disk)
	w.b = append(inner.b, '}')
}
