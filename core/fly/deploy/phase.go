package deploy

import "strings"

// phaseOf recognises progress in a line. It is for people who watch: a phase that
// is missing, or there twice, means nothing.
func phaseOf(text string) (phase string, ok bool) {
	text = strings.TrimSpace(text)
	for _, known := range []struct{ start, phase string }{
		{"==> Verifying app config", "verify"},
		{"==> Building image", "build"},
		{"--> Building image done", "built"},
		{"==> Pushing image", "push"},
		{"--> Pushing image done", "pushed"},
		{"image: ", "image"},
		{"Running ", "release"},
		{"Updating existing machines", "update"},
		{"Creating ", "create"},
		{"Launching ", "create"},
		{"Checking DNS", "dns"},
		{"Visit your newly deployed app", "done"},
	} {
		if !strings.HasPrefix(text, known.start) {
			continue
		}
		if known.phase == "release" && !strings.Contains(text, "release_command") {
			continue
		}
		return known.phase, true
	}
	if strings.HasPrefix(text, "Machine ") && strings.Contains(text, "update finished") {
		return "machine", true
	}
	return "", false
}

// imageOf and urlOf read what the last lines tell in passing.
func imageOf(text string) string {
	image, ok := strings.CutPrefix(strings.TrimSpace(text), "image: ")
	if !ok || strings.ContainsAny(image, " \t") {
		return ""
	}
	return image
}

func urlOf(text string) string {
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), "Visit your newly deployed app at ")
	if !ok || !strings.HasPrefix(rest, "https://") || strings.ContainsAny(rest, " \t") {
		return ""
	}
	return rest
}
