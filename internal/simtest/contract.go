package simtest

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/exatlas/atlas/internal/openapicheck"
)

// Contract is a vendor's API document, where it is at hand: ../shared beside the
// repository, for tests in a folder two below its root. It is read once.
type Contract struct {
	load func() (*openapicheck.Doc, error)
}

// NewContract names a document below specs. prepare may be nil.
func NewContract(cloud, file string, prepare func(*openapicheck.Doc)) *Contract {
	return &Contract{load: sync.OnceValues(func() (*openapicheck.Doc, error) {
		doc, err := openapicheck.Load(filepath.Join("..", "..", "..", "shared", "specs", cloud, file))
		if err == nil && prepare != nil {
			prepare(doc)
		}
		return doc, err
	})}
}

// Doc returns the document, nil where it is not at hand.
func (c *Contract) Doc(t testing.TB) *openapicheck.Doc {
	t.Helper()
	doc, err := c.load()
	if err != nil {
		if !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return nil
	}
	return doc
}

// Held holds an answer against the document.
func (c *Contract) Held(t testing.TB, method, path string, status int, body []byte) {
	t.Helper()
	doc := c.Doc(t)
	if doc == nil {
		return
	}
	if err := doc.Response(method, path, status, body); err != nil {
		t.Errorf("%s %s answered %d %s: %v", method, path, status, body, err)
	}
}

// Refuses checks that the document tells right from wrong, with an answer that
// is wrong. Where it is not at hand the test says what is left out.
func (c *Contract) Refuses(t *testing.T, method, path string, status int, body string) {
	t.Helper()
	doc := c.Doc(t)
	if doc == nil {
		t.Skip("the vendor's OpenAPI document is not at hand, so the answers of these tests are not held against it")
	}
	if doc.Response(method, path, status, []byte(body)) == nil {
		t.Errorf("the contract accepts %s", body)
	}
}

// HeldRequest holds a request against the document.
func (c *Contract) HeldRequest(t testing.TB, method, path, query string, body []byte) {
	t.Helper()
	doc := c.Doc(t)
	if doc == nil {
		return
	}
	if err := doc.Request(method, path, query, body); err != nil {
		t.Errorf("request: %v", err)
	}
}

// RefusesRequest is Refuses for a request that is wrong.
func (c *Contract) RefusesRequest(t *testing.T, method, path, body string) {
	t.Helper()
	doc := c.Doc(t)
	if doc == nil {
		t.Skip("the vendor's OpenAPI document is not at hand, so the requests of these tests are not held against it")
	}
	if doc.Request(method, path, "", []byte(body)) == nil {
		t.Errorf("the contract accepts %s", body)
	}
}
