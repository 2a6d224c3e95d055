package memory

import (
	"testing"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/store"
	"github.com/exatlas/atlas/core/store/storetest"
	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestMemory_Conforms(t *testing.T) {
	storetest.Run(t, func(*testing.T) (store.Store, store.Store) {
		s := New(clock.System{})
		return s, s.Handle()
	})
}
