package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"espalier/compare"
)

const twoTasks = "text\ttopic\tmood\nred apple\tfruit\tgood\nfast car\tthing\tgood\ngreen pear\tfruit\tbad\nold house\tthing\tbad\n"

// twoTaskRecipe trains two tasks on a tsv file, which is test data, too.
func twoTaskRecipe(t *testing.T, more ...string) string {
	t.Helper()
	path := file(t, "d.tsv", twoTasks)
	return recipeFor(t, path, append([]string{"  mood: {type: classification}", "train: {epochs: 1}"}, more...)...)
}

func TestCompare(t *testing.T) {
	r, dir := twoTaskRecipe(t), filepath.Join(t.TempDir(), "c")
	args := []string{"compare", r, "--out", dir, "--engine", "gonum", "--seeds", "2", "--resamples", "50", "--set", "data.test={format: tsv, file: " + filepath.Join(filepath.Dir(dir), "test.tsv") + "}"}
	if code, _, stderr := command(t, args...); code != 1 || !strings.Contains(stderr, "test.tsv: no such file or directory") {
		t.Errorf("without its test file: exit %d: %s", code, stderr)
	} else if want := "0 of 6 models are trained and kept in " + dir + "; go on with the others by: espalier compare " + r +
		" --engine gonum --out " + dir + " --resamples 50 --seeds 2 --set 'data.test={format: tsv, file: "; !strings.Contains(stderr, want) {
		t.Errorf("it does not say what is left by %q: %s", want, stderr)
	}
	args[len(args)-1] = "data.test={format: tsv, file: " + file(t, "test.tsv", twoTasks) + "}"
	args[3] = filepath.Join(t.TempDir(), "again")
	code, stdout, stderr := command(t, args...)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	for _, want := range []string{"\ntopic ", "\nmood ", "\ndelta-m ", "\nparameters ", "small: test data, 2 seeds, single models with at least as many updates of their task."} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the table has no %q:\n%s", want, stdout)
		}
	}
	if !strings.Contains(stderr, "6 of 6: ") {
		t.Errorf("the talk does not count the models: %s", stderr)
	}
	code, stdout, _ = command(t, append(args, "--json")...)
	var result compare.Result
	if err := json.Unmarshal([]byte(stdout), &result); code != 0 || err != nil || len(result.Tasks) != 2 {
		t.Errorf("--json: exit %d, %v: %s", code, err, stdout)
	}
	if _, stdout, _ = command(t, append(args, "--markdown")...); !strings.HasPrefix(stdout, "| task | metric |") {
		t.Errorf("--markdown: %s", stdout)
	}
}

// TestCompareVariants: several joint models in one command.
func TestCompareVariants(t *testing.T) {
	test := "data.test={format: tsv, file: " + file(t, "test.tsv", twoTasks) + "}"
	args := []string{
		"compare", twoTaskRecipe(t), "--out", t.TempDir(), "--engine", "gonum", "--seeds", "2", "--resamples", "50", "--set", test,
		"--balance", "equal,dwa", "--variant", "mmoe=sharing={method: mmoe, experts: 2}",
	}
	code, stdout, stderr := command(t, args...)
	for _, want := range []string{"\nsingle models ", "\nequal ", "\ndwa ", "\nmmoe ", "to equal", "seconds / equal", "\nmmoe: sharing={method: mmoe, experts: 2}\n"} {
		if code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("exit %d: the tables have no %q:\n%s%s", code, want, stdout, stderr)
		}
	}
	if !strings.Contains(stderr, "10 of 10: ") {
		t.Errorf("the talk does not count the models: %s", stderr)
	}
	code, stdout, _ = command(t, append(args, "--json")...)
	var result compare.Variants
	if err := json.Unmarshal([]byte(stdout), &result); code != 0 || err != nil || len(result.Variants) != 3 || len(result.Variants[2].Comparison.Tasks) != 2 {
		t.Errorf("--json: exit %d, %v: %s", code, err, stdout)
	}
}

func TestSearches(t *testing.T) {
	r, dir := twoTaskRecipe(t), t.TempDir()
	code, stdout, stderr := command(t, "compare", r, "--out", dir, "--engine", "gonum", "--sweep", "grid", "--trials", "3", "--json")
	var sweep compare.Sweep
	if err := json.Unmarshal([]byte(stdout), &sweep); code != 0 || err != nil || len(sweep.Trials) != 3 || len(sweep.Seeds) != 1 {
		t.Errorf("--sweep: exit %d, %v: %s%s", code, err, stdout, stderr)
	}
	code, stdout, stderr = command(t, "compare", r, "--engine", "gonum", "--affinity", "--markdown")
	if code != 0 || !strings.HasPrefix(stdout, "| step on \\ loss of | topic | mood |") {
		t.Errorf("--affinity: exit %d: %s%s", code, stdout, stderr)
	}
}

func TestBadComparisons(t *testing.T) {
	good := twoTaskRecipe(t)
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no recipe", []string{"compare"}, 2, "accepts 1 arg(s), received 0"},
		{"missing recipe", []string{"compare", "no-such.yaml"}, 1, "no-such.yaml: no such file or directory"},
		{"no test data", []string{"compare", good, "--engine", "gonum"}, 1, "compare: recipe small names no test data"},
		{"two forms", []string{"compare", good, "--json", "--markdown"}, 2, "--json and --markdown are two forms of one result; choose one"},
		{"unknown budget", []string{"compare", good, "--budget", "hours"}, 2, `--budget "hours" is not one of updates, epochs, steps`},
		{"bad setting", []string{"compare", good, "--set", "train.epochs"}, 2, `--set "train.epochs" is not of the form path=value`},
		{"no seeds", []string{"compare", good, "--seeds", "0"}, 2, "--seeds is 0, it must be at least 1"},
		{"two searches", []string{"compare", good, "--affinity", "--sweep", "grid"}, 2, "--sweep and --affinity are two searches; choose one"},
		{"variants and a search", []string{"compare", good, "--affinity", "--balance", "equal,dwa"}, 2, "--balance and --variant compare joint models, --sweep and --affinity search; choose one"},
		{"a variant of nothing", []string{"compare", good, "--engine", "gonum", "--variant", "a=b"}, 2, `--variant: variant "a=b" is not of the form NAME=KEY=VALUE,KEY=VALUE`},
		{"unknown search", []string{"compare", good, "--sweep", "bayes"}, 2, `--sweep "bayes" is not one of grid, random`},
	} {
		if code, stdout, stderr := command(t, c.args...); code != c.code || !strings.Contains(stderr, c.want) || stdout != "" {
			t.Errorf("%s: exit %d, want %d; stderr %q, want %q", c.name, code, c.code, stderr, c.want)
		}
	}
}
