package host

import "testing"

func TestKernel_CountsWhatItRemembersOfSmallBlocks(t *testing.T) {
	k := kernel{limit: 1 << 20}
	blocks := 0
	for k.alloc(1) != 0 {
		blocks++
	}
	if want := k.limit / perBlock; blocks != want {
		t.Errorf("%d blocks of a byte fit into %d bytes, want %d", blocks, k.limit, want)
	}
	k.release(kernelBase)
	if k.alloc(1) == 0 {
		t.Error("a freed block makes no room for another")
	}
	if k.reset(); k.data != nil || k.blocks != nil {
		t.Error("the next call keeps what a large one needed")
	}
}
