package vast

import (
	"slices"
	"strconv"
	"strings"
)

// Cards report a little less memory than they are sold with: a 24 GB card 24564
// MB, or 23034 with error correction. A size is meant where the memory lies
// between these shares of it.
const (
	leastShare = 0.93
	mostShare  = 1.01
)

// nominal are the sizes in GB that cards are sold with.
var nominal = [...]int{2, 3, 4, 5, 6, 8, 10, 11, 12, 16, 20, 22, 24, 32, 40, 48, 64, 80, 94, 96, 128, 141, 144, 180, 192, 256, 288}

// several lists the names that stand for cards of several sizes. A name that is
// not listed decides the card by itself.
var several = [...]string{"A100 PCIE", "A100 SXM4", "A100 SXM", "A100X", "GH200 SXM", "Tesla V100", "Tesla P100", "RTX A2000", "RTX 2060", "RTX 3050",
	"RTX 3060", "RTX 3080", "RTX 4060 Ti", "RTX 5060 Ti", "GTX 1060"}

// card is what a native identifier asks for.
type card struct {
	name string
	gb   int // 0: any size
}

// parseCard reads a native identifier: a name, or a name and a size.
func parseCard(native string) card {
	name, size, found := strings.Cut(native, "@")
	if gb, err := strconv.Atoi(size); found && err == nil && gb > 0 {
		return card{name, gb}
	}
	return card{native, 0}
}

// nativeOf is the identifier of a card by Vast's name and the memory it reports
// in MB.
func nativeOf(name string, memoryMB float64) string {
	if memoryMB <= 0 || !slices.Contains(several[:], name) {
		return name
	}
	return name + "@" + strconv.Itoa(int(memoryGB(memoryMB)+0.5))
}

// fits reports whether a row is of this card.
func (c card) fits(name string, memoryMB float64) bool {
	return c.name == name && (c.gb == 0 || between(memoryMB, c.gb))
}

func between(memoryMB float64, gb int) bool {
	return memoryMB >= leastMB(float64(gb)) && memoryMB <= mostMB(float64(gb))
}

func leastMB(gb float64) float64 { return gb * 1024 * leastShare }
func mostMB(gb float64) float64  { return gb * 1024 * mostShare }

// memoryGB is the size a card is sold with, as near as its memory tells.
func memoryGB(memoryMB float64) float64 {
	for _, gb := range nominal {
		if between(memoryMB, gb) {
			return float64(gb)
		}
	}
	return float64(int(memoryMB/1024*10+0.5)) / 10
}
