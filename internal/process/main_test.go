package process

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/exatlas/atlas/internal/leak"
)

// TestMain is also the child: the tests run their own binary with a word in the
// environment.
func TestMain(m *testing.M) {
	if word := os.Getenv("CHILD"); word != "" {
		child(word)
		os.Exit(0)
	}
	leak.Main(m)
}

func child(word string) {
	switch word {
	case "speak":
		fmt.Fprint(os.Stdout, "one\ntw")
		fmt.Fprint(os.Stdout, "o\r\n\x1b[32mthree\x1b[0m\n10%\r20%\rdone\nlast")
		fmt.Fprint(os.Stderr, "warned\n")
		os.Exit(3)
	case "turns": // on one output and on the other
		for i := range 500 {
			fmt.Fprintln([]*os.File{os.Stdout, os.Stderr}[i%2], i)
		}
	case "hang":
		fmt.Println("hanging")
		time.Sleep(time.Hour)
	case "deaf":
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT)
		fmt.Println("deaf")
		time.Sleep(time.Hour)
	case "tick":
		for {
			fmt.Println("tick")
			time.Sleep(5 * time.Millisecond)
		}
	case "flood":
		n, _ := strconv.Atoi(os.Getenv("COUNT"))
		w := bufio.NewWriterSize(os.Stdout, 1<<16)
		for i := range n {
			fmt.Fprintf(w, "line %d of a flood that goes on and on\n", i)
		}
		_ = w.Flush()
	case "endless":
		for {
			_, _ = os.Stdout.WriteString(strings.Repeat("x", 4096))
		}
	case "parent", "parent-away", "parent-hang": // leaves a child that holds the pipes
		kin := exec.Command(os.Args[0])
		kin.Env = append(os.Environ(), "CHILD=deaf")
		kin.Stdout, kin.Stderr = os.Stdout, os.Stderr
		kin.SysProcAttr = &syscall.SysProcAttr{Setsid: word == "parent-away"}
		if err := kin.Start(); err != nil {
			fmt.Println(err)
		}
		fmt.Println("kin", kin.Process.Pid)
		time.Sleep(50 * time.Millisecond) // the kin has to become deaf
		if word == "parent-hang" {
			time.Sleep(time.Hour)
		}
	case "guard": // runs a child and is killed
		_, _ = Run(context.Background(), Command{Path: os.Args[0], Env: []string{"CHILD=hang"}, Line: func(_ context.Context, l Line) {
			fmt.Println(l.Text)
		}})
	case "env":
		fmt.Println(strings.Join(os.Environ(), " "), os.Args[1:])
	}
}
