module github.com/exatlas/atlas/bench

go 1.26.0

require (
	github.com/exatlas/atlas v0.0.0
	github.com/extism/go-sdk v1.7.1
	github.com/valyala/fasthttp v1.78.0
)

replace github.com/exatlas/atlas => ../
