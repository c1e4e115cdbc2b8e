// Command compare runs the benchmarks of Go alone at an earlier commit and in the
// working tree, in turns, and prints one table of medians by benchstat.
//
//	go run ./bench/compare [-rounds N] [-bench PATTERN] [-packages DIRS] COMMIT
//
// The commit is checked out into a temporary worktree and built there. The
// benchmarks of bench/library are copied into it, so that both sides run the same
// ones; benchmarks of other packages run where both sides have them. The training
// steps of bench/step are run by the program that each side has.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	var c comparison
	flag.IntVar(&c.rounds, "rounds", 10, "how many times each side is run; benchstat wants at least 6 for an interval")
	flag.StringVar(&c.pattern, "bench", ".", "benchmarks to run, as go test has it")
	flag.StringVar(&c.time, "benchtime", "200ms", "how long each runs, as go test has it")
	packages := flag.String("packages", "bench/library,train/optim,train/balance", "folders of the benchmarks; runtime/ort and runtime/gonum have more")
	flag.BoolVar(&c.steps, "steps", true, "run bench/step, too")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "name the commit to compare with, as make bench-compare BASE=HEAD~1")
		os.Exit(2)
	}
	c.packages = strings.Split(*packages, ",")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := c.run(ctx, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type comparison struct {
	rounds        int
	pattern, time string
	packages      []string
	steps         bool
}

// copied are the folders that the earlier commit is given.
var copied = []string{"bench/library", "examples/demo"}

func (c *comparison) run(ctx context.Context, commit string) (err error) {
	temp, err := os.MkdirTemp("", "espalier-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	base := filepath.Join(temp, "base")
	if err := command(ctx, ".", "git", "worktree", "add", "--quiet", "--detach", base, commit).Run(); err != nil {
		return fmt.Errorf("git worktree add %s: %w", commit, err)
	}
	defer func() {
		err = errors.Join(err, command(context.Background(), ".", "git", "worktree", "remove", "--force", base).Run())
	}()
	for _, dir := range copied {
		if err := os.RemoveAll(filepath.Join(base, dir)); err != nil {
			return err
		}
		if err := os.CopyFS(filepath.Join(base, dir), os.DirFS(dir)); err != nil {
			return err
		}
	}
	sides := []*side{{name: "base", root: base}, {name: "head", root: "."}}
	for _, s := range sides {
		if err := s.build(ctx, temp, c); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	keepCommon(sides)
	for i := range c.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", i+1, c.rounds)
		for _, s := range sides {
			if err := s.run(ctx, c); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
		slices.Reverse(sides) // neither is always the one that warms the machine
	}
	return table(ctx, temp, sides)
}

// side is one of the two commits.
type side struct {
	name, root string
	binaries   map[string]string // of tests, by folder
	steps      string            // the program bench/step
	results    strings.Builder   // lines of benchmarks
}

// build builds the benchmarks into a temporary folder.
func (s *side) build(ctx context.Context, temp string, c *comparison) error {
	s.binaries = map[string]string{}
	for i, dir := range c.packages {
		if found, err := filepath.Glob(filepath.Join(s.root, dir, "*_test.go")); err != nil || len(found) == 0 {
			continue
		}
		binary := filepath.Join(temp, fmt.Sprintf("%s%d.test", s.name, i))
		if err := command(ctx, s.root, "go", "test", "-c", "-o", binary, "./"+dir).Run(); err != nil {
			return fmt.Errorf("build %s: %w", dir, err)
		}
		s.binaries[dir] = binary
	}
	if !c.steps {
		return nil
	}
	s.steps = filepath.Join(temp, s.name+".step")
	return command(ctx, s.root, "go", "build", "-o", s.steps, "./bench/step").Run()
}

// keepCommon drops the benchmarks that only one side has.
func keepCommon(sides []*side) {
	for i, s := range sides {
		for dir := range s.binaries {
			if sides[1-i].binaries[dir] == "" {
				fmt.Fprintf(os.Stderr, "%s is there at %s alone and is left out\n", dir, s.name)
				delete(s.binaries, dir)
			}
		}
	}
}

// run runs every benchmark once.
func (s *side) run(ctx context.Context, c *comparison) error {
	for _, dir := range c.packages {
		binary := s.binaries[dir]
		if binary == "" {
			continue
		}
		cmd := command(ctx, filepath.Join(s.root, dir), binary, "-test.run", "^$", "-test.bench", c.pattern, "-test.benchtime", c.time, "-test.benchmem")
		cmd.Stderr = nil
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("%s: %w\n%s", dir, err, out)
		}
		s.results.Write(out)
	}
	if s.steps == "" {
		return nil
	}
	fmt.Fprintln(&s.results, "pkg: espalier/bench/step")
	for _, layers := range []string{"0", "2"} {
		cmd := command(ctx, s.root, s.steps, "-layers", layers)
		cmd.Stdout = nil
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("bench/step: %w", err)
		}
		line, err := benchmark(out)
		if err != nil {
			return fmt.Errorf("bench/step: %w", err)
		}
		fmt.Fprintln(&s.results, line)
	}
	return nil
}

// benchmark writes what bench/step prints as a line of go test.
func benchmark(out []byte) (string, error) {
	var r struct {
		Model  string
		Median float64 `json:"median_ms"`
		Memory float64 `json:"peak_rss_mb"`
	}
	if err := json.Unmarshal(out, &r); err != nil {
		return "", err
	}
	return fmt.Sprintf("BenchmarkStep/%s 1 %.0f ns/op %.0f peak-MB", r.Model, r.Median*1e6, r.Memory), nil
}

// table prints both sides by benchstat.
func table(ctx context.Context, temp string, sides []*side) error {
	args := []string{"tool", "benchstat"}
	slices.SortFunc(sides, func(a, b *side) int { return strings.Compare(a.name, b.name) })
	for _, s := range sides {
		path := filepath.Join(temp, s.name+".txt")
		if err := os.WriteFile(path, []byte(s.results.String()), 0o644); err != nil {
			return err
		}
		args = append(args, s.name+"="+path)
	}
	cmd := command(ctx, ".", "go", args...)
	cmd.Stdout = os.Stdout
	return cmd.Run()
}

// command runs a program in a folder; what it says of errors is shown.
func command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	return cmd
}
