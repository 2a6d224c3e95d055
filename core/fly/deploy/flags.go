package deploy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/exatlas/atlas/core/spec"
)

// checkFlags refuses further arguments that show a secret, or that name another
// app than the plan's: its token goes to flyctl, and its name is what is told of
// the deploy. flyctl takes the last flag of a name, and a word that is no flag's
// value for the folder (fly deploy [WORKING_DIRECTORY], 2026-08).
func checkFlags(args []string) *spec.Error {
	awaited := false // whether a word is the value of the flag before it
	for i, arg := range args {
		word := arg == "" || arg == "-" || arg[0] != '-'
		switch name := flagOf(arg); {
		case word && awaited:
		case word, arg == "--":
			return problem(fmt.Sprintf("params.args[%d]: it is no flag; fly deploy takes it for the folder", i), "give the folder as path, and a flag with its value as --flag=value")
		case name == "access-token":
			return problem("params.args: "+shown(arg)+" would show the token to every user of this machine", "set it with fly.tokens.set_manual or FLY_API_TOKEN")
		case name == "build-secret":
			return problem("params.args: --build-secret would show the secret to every user of this machine", "use fly secrets, or build the image elsewhere and give image")
		case name == "app":
			return problem("params.args: "+shown(arg)+" would deploy another app than the one whose token is used", "give it as app")
		case name == "config":
			return problem("params.args: "+shown(arg)+" would deploy another app than the one whose token is used", "give it as config")
		}
		awaited = !word && awaits(arg)
	}
	return nil
}

// flagOf is the long name of a flag, of the one with a value where there are
// several short ones; empty where it does not matter here.
func flagOf(arg string) string {
	if long, ok := strings.CutPrefix(arg, "--"); ok {
		name, _, _ := strings.Cut(long, "=")
		return name
	}
	if at := valued(arg); at > 0 {
		return map[byte]string{'t': "access-token", 'a': "app", 'c': "config"}[arg[at]]
	}
	return ""
}

// valued is where in a group of short flags the first stands that has a value;
// what follows it is that. 0 where there is none.
func valued(arg string) int {
	if !strings.HasPrefix(arg, "-") {
		return 0
	}
	return 1 + strings.IndexAny(arg[1:], "tacei")
}

// shown is a flag without its value.
func shown(arg string) string {
	if !strings.HasPrefix(arg, "--") {
		return "-" + arg[valued(arg):][:1]
	}
	name, _, _ := strings.Cut(arg, "=")
	return name
}

// awaits reports whether the value of a flag may be the next argument.
func awaits(arg string) bool {
	long, ok := strings.CutPrefix(arg, "--")
	if !ok {
		at := valued(arg)
		return at > 0 && at == len(arg)-1
	}
	return !strings.Contains(long, "=") && !slices.Contains(switches(), long)
}

// switches lists the flags of fly deploy whose value is never an argument of its
// own (superfly/flyctl, 2026-08).
func switches() []string {
	return []string{"yes", "now", "detach", "debug", "verbose", "build-only", "push", "remote-only", "local-only", "depot", "buildkit", "nixpacks", "no-cache", "ha",
		"smoke-checks", "dns-checks", "skip-release-command", "update-only", "no-public-ips", "flycast"}
}
