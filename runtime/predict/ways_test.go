package predict_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	goruntime "runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/runtime/ort"
	"espalier/runtime/predict"
)

// engines are both.
func engines(t testing.TB) map[string]runtime.Engine {
	t.Helper()
	return map[string]runtime.Engine{"gonum": gonum.New(), "ort": ortEngine(t)}
}

func ortEngine(t testing.TB) runtime.Engine {
	t.Helper()
	if os.Getenv(ort.LibraryVariable) == "" {
		t.Fatalf("%s is not set: run `make env`, which fetches the library, and test with `make test`", ort.LibraryVariable)
	}
	e, err := ort.Open(ort.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func openOn(t testing.TB, o predict.Options) *predict.Predictor {
	t.Helper()
	p, err := predict.OpenBytes(model(t, nil), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// someTexts draws texts of the model's words and of others.
func someTexts(r *rand.Rand, n int) []string {
	words := []string{"zürich", "new", "york", "like", "hate", "i", "you", "naïve"}
	texts := make([]string, n)
	for i := range texts {
		for range r.IntN(9) {
			texts[i] += words[r.IntN(len(words))] + " "
		}
	}
	return texts
}

// TestEveryWayGivesTheSame: a buffer, a stream and a predictor that gathers
// answer as Predict does for one text at a time, on both engines.
func TestEveryWayGivesTheSame(t *testing.T) {
	ctx := context.Background()
	for name, e := range engines(t) {
		t.Run(name, func(t *testing.T) {
			p, gather := openOn(t, predict.Options{Engine: e}), openOn(t, predict.Options{Engine: e, Gather: time.Millisecond, Batch: 3})
			b := p.NewBuffer()
			defer b.Close()
			r := rand.New(rand.NewPCG(1, 2))
			for range 30 {
				texts := someTexts(r, r.IntN(6))
				var want []predict.Prediction
				for _, s := range texts {
					one, err := p.Predict(ctx, s)
					if err != nil {
						t.Fatal(err)
					}
					want = append(want, one...)
				}
				var streamed []predict.Prediction
				for a, err := range gather.Stream(ctx, slices.Values(texts)) {
					if err != nil {
						t.Fatal(err)
					}
					streamed = append(streamed, a)
				}
				buffered, err := b.Predict(ctx, texts...)
				if err != nil {
					t.Fatal(err)
				}
				batch, err := p.Predict(ctx, texts...)
				if err != nil {
					t.Fatal(err)
				}
				gathered, err := gather.Predict(ctx, texts...)
				if err != nil {
					t.Fatal(err)
				}
				for way, got := range map[string][]predict.Prediction{"stream": streamed, "buffer": buffered, "batch": batch, "gathered": gathered} {
					if diff := cmp.Diff(want, got, near...); diff != "" {
						t.Fatalf("%s: %q:\n%s", way, texts, diff)
					}
				}
			}
		})
	}
}

// near lets rounding pass, which batches of other sizes may bring, and an empty
// list for none.
var near = []cmp.Option{cmpopts.EquateApprox(1e-13, 1e-6), cmpopts.EquateEmpty()}

// TestOnlyTheTasksAskedForAreComputed: the rest is cut out of the graph that
// the engine opens.
func TestOnlyTheTasksAskedForAreComputed(t *testing.T) {
	ctx := context.Background()
	for name, e := range engines(t) {
		t.Run(name, func(t *testing.T) {
			p := openOn(t, predict.Options{Engine: e})
			part, err := p.For("score", "mood")
			if err != nil {
				t.Fatal(err)
			}
			var outputs []string
			for _, o := range part.Session().Outputs() {
				outputs = append(outputs, o.Name)
			}
			if diff := cmp.Diff([]string{"mood_probabilities", "mood_label", "score_value"}, outputs); diff != "" {
				t.Error(diff)
			}
			want, err := p.Predict(ctx, "i like New York")
			if err != nil {
				t.Fatal(err)
			}
			got, err := part.Predict(ctx, "i like New York")
			if err != nil {
				t.Fatal(err)
			}
			want[0].Tasks = []predict.Answer{want[0].Tasks[0], want[0].Tasks[2]}
			if diff := cmp.Diff(want, got, near...); diff != "" {
				t.Error(diff)
			}
			if again, err := part.For("mood", "score"); again != part || err != nil {
				t.Errorf("the same tasks are opened again: %v", err)
			}
			if all, err := part.For(); all != p || err != nil {
				t.Errorf("all tasks are opened again: %v", err)
			}
			if _, err := p.For("x"); err == nil || err.Error() != `predict: unknown task "x"; the file has [mood places score]` {
				t.Errorf("got %v", err)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			if _, err := part.Predict(ctx, "x"); !errors.Is(err, runtime.ErrClosed) {
				t.Errorf("a part of a closed predictor: %v", err)
			}
			if _, err := p.For("mood"); !errors.Is(err, runtime.ErrClosed) {
				t.Errorf("a new part of a closed predictor: %v", err)
			}
		})
	}
}

// TestAPartIsCutFromTheFileThatWasOpened: a file that was replaced since is not
// mixed with it.
func TestAPartIsCutFromTheFileThatWasOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.onnx")
	write := func(data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(model(t, nil))
	p, err := predict.Open(path, predict.Options{Engine: gonum.New()})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.For("mood"); err != nil {
		t.Error(err)
	}
	write([]byte("something else"))
	if _, err := p.For("score"); err == nil || !strings.HasSuffix(err.Error(), "m.onnx is not the file that was opened; open it anew") {
		t.Errorf("got %v", err)
	}
}

// TestAStreamDoesNotRunAhead: what is taken from the source and not yet
// answered is never more than a batch, and leaving the loop stops it.
func TestAStreamDoesNotRunAhead(t *testing.T) {
	p := openOn(t, predict.Options{Engine: gonum.New(), Batch: 4})
	taken, answered := 0, 0
	endless := func(yield func(string) bool) {
		for ; ; taken++ {
			if ahead := taken - answered; ahead > 4 {
				t.Fatalf("%d texts ahead", ahead)
			}
			if !yield(fmt.Sprint("i like ", taken)) {
				return
			}
		}
	}
	for a, err := range p.Stream(context.Background(), endless) {
		if err != nil || a.Task("mood").Label != "good" {
			t.Fatalf("%+v, %v", a, err)
		}
		if answered++; answered == 50 {
			break
		}
	}
	if taken > 56 {
		t.Errorf("%d texts were taken for 50 answers", taken)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	n := 0
	for _, err := range p.Stream(ctx, slices.Values([]string{"a", "b"})) {
		if n++; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	if n != 1 {
		t.Errorf("a stream that failed goes on: %d", n)
	}
}

// counting counts the batches that an engine runs.
type counting struct {
	runtime.Engine
	runs atomic.Int64
}

func (c *counting) Open(model []byte, o runtime.Options) (runtime.Session, error) {
	s, err := c.Engine.Open(model, o)
	return countingSession{s, c}, err
}

type countingSession struct {
	runtime.Session
	c *counting
}

func (s countingSession) Bind(in, out []runtime.Named) (runtime.Binding, error) {
	b, err := s.Session.Bind(in, out)
	return countingBinding{b, s.c}, err
}

type countingBinding struct {
	runtime.Binding
	c *counting
}

func (b countingBinding) Run(ctx context.Context) error {
	b.c.runs.Add(1)
	return b.Binding.Run(ctx)
}

func TestConcurrentCallsShareABatch(t *testing.T) {
	e := &counting{Engine: gonum.New()}
	p := openOn(t, predict.Options{Engine: e, Gather: time.Minute, Batch: 16})
	var wait sync.WaitGroup
	for i := range 16 {
		wait.Go(func() {
			text, want := "i like it", "good"
			if i%2 == 0 {
				text, want = "i hate it", "bad"
			}
			got, err := p.Predict(context.Background(), text)
			if err != nil || got[0].Task("mood").Label != want {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
	wait.Wait()
	if n := e.runs.Load(); n != 1 {
		t.Errorf("%d runs for 16 calls", n)
	}
	// More than a batch holds is not kept waiting, whatever else waits.
	if got, err := p.Predict(context.Background(), someTexts(rand.New(rand.NewPCG(1, 1)), 40)...); err != nil || len(got) != 40 {
		t.Errorf("%d answers, %v", len(got), err)
	}
}

// TestACallerWhoLeavesDoesNotStopTheOthers and is not kept waiting.
func TestACallerWhoLeavesDoesNotStopTheOthers(t *testing.T) {
	p := openOn(t, predict.Options{Engine: gonum.New(), Gather: time.Minute, Batch: 2})
	ctx, cancel := context.WithCancel(context.Background())
	left := make(chan error)
	go func() {
		_, err := p.Predict(ctx, "i like it")
		left <- err
	}()
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got, err := p.Predict(context.Background(), "i hate it", "i like it"); err != nil || got[0].Task("mood").Label != "bad" {
		t.Errorf("%v, %v", got, err)
	}
}

// TestClosesAndCancelsAtAnyMoment: 64 goroutines predict, cancel, ask for tasks
// and close while the collector runs. Every call is answered rightly or fails
// with the reason.
func TestClosesAndCancelsAtAnyMoment(t *testing.T) {
	for name, e := range engines(t) {
		for _, gather := range []time.Duration{0, 50 * time.Microsecond} {
			t.Run(fmt.Sprint(name, " ", gather), func(t *testing.T) { storm(t, e, gather, 30) })
		}
	}
}

// TestNothingIsLeftOfStorms: sessions, bindings and what stops runs are native
// memory, which the resident memory of the process tells. The first storms fill
// arenas; more of them take none.
func TestNothingIsLeftOfStorms(t *testing.T) {
	if _, err := os.Stat("/proc/self/statm"); err != nil {
		t.Skip("the system does not tell the process's memory in /proc")
	}
	e := ortEngine(t)
	storms := func(n int) float64 {
		for range n {
			storm(t, e, 0, 10)
			storm(t, e, 50*time.Microsecond, 10)
		}
		return resident(t)
	}
	before := storms(3)
	after := storms(3)
	// A session of this file takes about a fifth of a MiB, and the storms open a
	// hundred and more.
	if after > before+24 {
		t.Errorf("the process has %.1f MiB, before as many storms it had %.1f", after, before)
	}
}

// resident returns the process's memory in MiB, without what the collector can
// give back.
func resident(t *testing.T) float64 {
	t.Helper()
	debug.FreeOSMemory()
	content, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var all, pages int
	if _, err := fmt.Sscan(string(content), &all, &pages); err != nil {
		t.Fatal(err)
	}
	return float64(pages*os.Getpagesize()) / (1 << 20)
}

func storm(t *testing.T, e runtime.Engine, gather time.Duration, calls int) {
	data := model(t, nil)
	var current atomic.Pointer[predict.Predictor]
	reopen := func() {
		p, err := predict.OpenBytes(data, predict.Options{Engine: e, Gather: gather})
		if err != nil {
			t.Error(err)
			return
		}
		if old := current.Swap(p); old != nil {
			if err := errors.Join(old.Close(), old.Close()); err != nil {
				t.Error(err)
			}
		}
	}
	reopen()
	defer func() { current.Load().Close() }()
	var wait sync.WaitGroup
	for i := range 64 {
		wait.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 3))
			for range calls {
				p := current.Load()
				if r.IntN(4) == 0 {
					part, err := p.For("mood")
					if err != nil {
						expectClosed(t, err)
						continue
					}
					p = part
				}
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(2000))*time.Microsecond)
				got, err := p.Predict(ctx, "i like new york", "i hate it")
				cancel()
				switch {
				case err != nil:
					expectClosed(t, err)
				case got[0].Task("mood").Label != "good" || got[1].Task("mood").Label != "bad":
					t.Errorf("wrong answers: %+v", got)
				}
				switch r.IntN(20) {
				case 0:
					goruntime.GC()
				case 1:
					reopen()
				}
			}
		})
	}
	wait.Wait()
}

func expectClosed(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, runtime.ErrClosed) && !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
