package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/exatlas/atlas/core/spec"
)

// configured is the configuration that a command was given.
func configured(flag string) string {
	if flag == "" {
		return os.Getenv("EXATLAS_CONFIG")
	}
	return flag
}

// written returns the text of a configuration given as JSON or @FILE. It refuses
// what cannot be either, with the mistake's place where it is a file's. It shows no
// text of it, which may be a key; the name of a file that is there is none.
func written(config string) (string, error) {
	name, file := strings.CutPrefix(config, "@")
	if !file {
		text := strings.TrimSpace(config)
		if text == "" || text[0] == '{' || json.Valid([]byte(text)) {
			return config, nil // the client refuses it with more to say
		}
		hint := "give a JSON object, or @FILE"
		if _, err := os.Stat(config); err == nil {
			hint = "@" + config + " means that file"
		}
		return "", invalid("the configuration is no JSON object", hint)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return "", invalid(name+" is empty", "{} is a configuration without settings")
	}
	var syntax *json.SyntaxError
	if err := json.Unmarshal(text, new(json.RawMessage)); errors.As(err, &syntax) {
		line := 1 + bytes.Count(text[:syntax.Offset], []byte("\n"))
		return "", invalid(fmt.Sprintf("%s is not JSON: line %d: %v", name, line, err), "docs/configuration.md tells what it holds")
	}
	return string(text), nil
}

func invalid(message, hint string) error {
	kind := string(spec.KindValidation)
	return &failure{Kind: kind, Message: message, Hint: hint, text: kind + ": " + message + "\n  " + hint}
}
