package tokens

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"io"
	"sync"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/spec"
)

// Values is what of a store tokens need: small records by space and key.
type Values interface {
	GetValue(ctx context.Context, space, key string) (value []byte, found bool, err error)
	PutValue(ctx context.Context, space, key string, value []byte) error
	DeleteValue(ctx context.Context, space, key string) error
}

// space is where tokens lie in the store.
const space = "fly.tokens"

// record is what is stored of one token.
type record struct {
	Token   string `json:"token"`
	Expires int64  `json:"expires,omitempty"` // ms since 1970
	Org     string `json:"org,omitempty"`     // organization it was made for
}

// sealed keeps records encrypted in a store that is opened at the first use.
type sealed struct {
	open   func(context.Context) (Values, error)
	key    func() ([32]byte, error)
	random io.Reader

	mu     sync.Mutex
	values Values
	box    cipher.AEAD
}

func (s *sealed) ready(ctx context.Context) (Values, cipher.AEAD, *spec.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values != nil {
		return s.values, s.box, nil
	}
	master, err := s.key()
	if err != nil {
		return nil, nil, unknown(err)
	}
	mac := hmac.New(sha256.New, master[:])
	mac.Write([]byte("exatlas fly tokens 1")) // what else is made from the key says another word
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		return nil, nil, unknown(err)
	}
	if s.box, err = cipher.NewGCM(block); err != nil {
		return nil, nil, unknown(err)
	}
	values, err := s.open(ctx)
	if err != nil {
		return nil, nil, unknown(err)
	}
	s.values = values
	return s.values, s.box, nil
}

// get reads a record. readable is false where there is one that this key does not
// open.
func (s *sealed) get(ctx context.Context, key string) (r record, found, readable bool, err *spec.Error) {
	values, box, err := s.ready(ctx)
	if err != nil {
		return r, false, false, err
	}
	raw, found, storeErr := values.GetValue(ctx, space, key)
	if storeErr != nil || !found {
		return r, false, false, unknown(storeErr)
	}
	if len(raw) < box.NonceSize() {
		return r, true, false, nil
	}
	plain, openErr := box.Open(nil, raw[:box.NonceSize()], raw[box.NonceSize():], []byte(space+"\x00"+key))
	if openErr != nil || json.Unmarshal(plain, &r) != nil || r.Token == "" {
		return record{}, true, false, nil
	}
	return r, true, true, nil
}

func (s *sealed) put(ctx context.Context, key string, r record) *spec.Error {
	values, box, err := s.ready(ctx)
	if err != nil {
		return err
	}
	plain, encodeErr := json.Marshal(r)
	if encodeErr != nil {
		return unknown(encodeErr)
	}
	nonce := make([]byte, box.NonceSize(), box.NonceSize()+len(plain)+box.Overhead())
	if _, err := io.ReadFull(s.random, nonce); err != nil {
		return &spec.Error{Kind: spec.KindInternal, Message: "the system gave no random bytes", Err: err}
	}
	return unknown(values.PutValue(ctx, space, key, box.Seal(nonce, nonce, plain, []byte(space+"\x00"+key))))
}

func (s *sealed) delete(ctx context.Context, key string) *spec.Error {
	values, _, err := s.ready(ctx)
	if err != nil {
		return err
	}
	return unknown(values.DeleteValue(ctx, space, key))
}

// unknown is the error of a store that did not answer.
func unknown(err error) *spec.Error {
	if err == nil {
		return nil
	}
	if c, ok := err.(interface{ AsError() *spec.Error }); ok {
		return c.AsError()
	}
	return spec.AsError(err)
}
