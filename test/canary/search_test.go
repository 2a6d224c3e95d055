package canary

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// The canary keys, by where the client gets them from. They are of letters that
// need no escape, of letters that do, and long enough to be told from chance.
var (
	settingKey     = "rpa_CANARYq8Zt2vXw7LmN4kPd9Rs"
	callKey        = "rpa_CaLl+Canary/7f&3e=9a<1c>u5YbTgHj"
	environmentKey = "rpa_EnViRoNcanary-6b.2d~8e_KcVxMzQw"
)

func allKeys() []string { return []string{settingKey, callKey, environmentKey} }

// spellings are what a cloud may write where it echoes a header.
func spellings(header string) []string {
	quoted, _ := json.Marshal(header)
	inside := string(quoted[1 : len(quoted)-1])
	every := ""
	for i := range len(header) {
		every += fmt.Sprintf(`\u%04x`, header[i])
	}
	list := []string{inside, strings.ReplaceAll(inside, "/", `\/`), every, url.QueryEscape(header), strings.ToLower(header[:7]) + url.PathEscape(header[7:])}
	for _, before := range []string{"", "u", "us"} {
		list = append(list, base64.StdEncoding.EncodeToString([]byte(before+header)), base64.RawURLEncoding.EncodeToString([]byte(before+header)))
	}
	return list
}

// found names the key that a text holds, "" where it holds none: as it is, below
// escapes of JSON and of URLs, or in base64. Half a key counts.
func found(text []byte) string {
	read := decoded(text)
	for _, key := range allKeys() {
		for _, piece := range pieces(key) {
			if strings.Contains(read, piece) || strings.Contains(string(text), piece) {
				return piece
			}
		}
	}
	return ""
}

// pieces are halves of a key, also as they look inside anything in base64.
func pieces(key string) []string {
	half := key[4:] // rpa_ is no secret
	halves := []string{half[:len(half)/2], half[len(half)/2:]}
	list := halves
	for _, text := range halves {
		for shift := range 3 {
			for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				form := encoding.EncodeToString([]byte("   "[:shift] + text))
				list = append(list, form[(shift*8+5)/6:(len(text)+shift)*8/6])
			}
		}
	}
	return list
}

// decoded takes escapes out of a text, leniently.
func decoded(text []byte) string {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case b == '\\' && i+5 < len(text) && text[i+1] == 'u':
			if n, err := strconv.ParseUint(string(text[i+2:i+6]), 16, 16); err == nil && n < 0x80 {
				out = append(out, byte(n))
				i += 5
			}
		case b == '\\':
		case b == '%' && i+2 < len(text):
			if n, err := strconv.ParseUint(string(text[i+1:i+3]), 16, 8); err == nil {
				out = append(out, byte(n))
				i += 2
			}
		default:
			out = append(out, b)
		}
	}
	return string(out)
}
