// Package strict decodes JSON into Go structs and names every mistake: an
// unknown field with the nearest known one, a wrong type with the expected and
// the given one, a missing required field, a value outside its range or its
// list, a field given twice, and where the JSON itself breaks off.
//
// It decodes what callers of Atlas send: requests and the configuration.
// Answers of clouds are read leniently and never come here. Error texts hold
// field names and types, never values, because any value may be a secret given
// in the wrong place.
//
// Struct tags: json (name; "-" leaves a field out), required:"true", enum:"a,b",
// min, max, minlen, maxlen (bytes of a text, items of a list), format:"date-time",
// type:"object" on a Raw, and single:"true" on lists (one value stands for a list of
// one). The tags doc, default and example serve the documentation alone.
package strict
