package spec

// Raw is an encoded JSON value. It is carried as it is, by the host's JSON
// library and by guests alike. The empty Raw encodes as null.
type Raw []byte

// MarshalJSON returns the value itself.
func (r Raw) MarshalJSON() ([]byte, error) {
	if len(r) == 0 {
		return []byte("null"), nil
	}
	return r, nil
}

// UnmarshalJSON keeps a copy of the value. A null is kept as the empty Raw.
func (r *Raw) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*r = nil
		return nil
	}
	*r = append((*r)[:0:0], data...)
	return nil
}
