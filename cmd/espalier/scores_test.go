package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"espalier/train/score"

	"github.com/google/go-cmp/cmp"

	"espalier"
)

func TestParameterTable(t *testing.T) {
	o := &espalier.Outcome{
		Shared: 18240, Heads: map[string]int{"topic": 325, "sentiment": 65}, Alone: map[string]int{"topic": 18565, "sentiment": 18305},
		Valid: score.Scores{{Task: "topic"}, {Task: "sentiment"}},
	}
	table := func() string {
		var b strings.Builder
		if err := parameterTable(&b, o); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	const several = `parameters   here   alone
  shared     18240  
  topic      325    18565
  sentiment  65     18305
  all        18630  36870  51 % of one model per task
`
	if diff := cmp.Diff(several, table()); diff != "" {
		t.Error(diff)
	}
	o.Valid = o.Valid[:1]
	const one = `parameters  here   alone
  shared    18240  
  topic     325    18565
`
	if diff := cmp.Diff(one, table()); diff != "" {
		t.Error(diff)
	}
}

// TestWholeExamplesSayHowManyTheyAre: the share of all tasks stands beside the
// number of examples that have labels of all, and is undefined without any.
func TestWholeExamplesSayHowManyTheyAre(t *testing.T) {
	scores := score.Scores{
		{Task: "a", Labels: 9, Metric: "accuracy", Metrics: map[string]float64{"accuracy": 1, "macro_f1": 1}},
		{Task: "b", Labels: 7, Metric: "accuracy", Metrics: map[string]float64{"accuracy": 0.5, "macro_f1": 0.5}},
	}
	share := 0.25
	for want, whole := range map[string]score.Whole{
		"  all tasks  4             exact_match  0.2500  \n": {Share: &share, Examples: 4},
		"  all tasks  0             exact_match  -       \n": {},
	} {
		var b strings.Builder
		if err := scoreTable(&b, "test", scores, whole); err != nil || !strings.HasSuffix(b.String(), want) {
			t.Errorf("%v: %q does not end with %q", err, b.String(), want)
		}
		if encoded, err := json.Marshal(evaluation{Whole: whole}); err != nil || strings.Contains(string(encoded), "whole") != (whole.Share != nil) {
			t.Errorf("%s (%v)", encoded, err)
		}
	}
}

// TestWhatIsNotDefinedIsADash: an area under the curve of one class is "-" in
// every table, with the reason, and not there in JSON; the scores of a run
// without any say so, and the lines of its warnings are in the result.
func TestWhatIsNotDefinedIsADash(t *testing.T) {
	const rows = "size,good,place\n1,yes,x\n2,no,y\n3,yes,x\n4,no,y\n"
	table, valid := file(t, "d.csv", rows), file(t, "v.csv", "size,good,place\n1,yes,x\n4,yes,y\n2,yes,x\n")
	recipe := file(t, "table.yaml", "data: {train: {format: csv, file: "+table+"}, valid: {format: csv, file: "+valid+"}}\n"+
		"columns: {numeric: [size]}\ntasks: {good: {type: classification, metric: auc}, place: {type: classification}}\ntrain: {epochs: 2}\n")
	dir := filepath.Join(t.TempDir(), "run")
	code, stdout, stderr := command(t, "train", recipe, "--out", dir, "--engine", "gonum")
	const warning = `auc of task "good" is not defined on the validation data, where all labels are of one class; it does not count in the choice of the best epoch`
	for _, want := range []string{"  good loss 0.", " auc -  place loss 0.", "  best\n", "warning: " + warning + "\n"} {
		if code != 0 || !strings.Contains(stderr, want) {
			t.Errorf("exit %d: %s does not say %q", code, stderr, want)
		}
	}
	const reason = "  good: not defined, because all labels are of one class: auc\n"
	if !strings.Contains(stdout, "  auc          -") || strings.Count(stdout, reason) != 1 {
		t.Errorf("the outcome is\n%s", stdout)
	}
	_, stdout, _ = command(t, "eval", dir, "--split", "valid", "--engine", "gonum")
	if !strings.Contains(stdout, "-") || strings.Count(stdout, reason) != 1 {
		t.Errorf("eval says\n%s", stdout)
	}
	content, err := os.ReadFile(filepath.Join(dir, "result.json"))
	var o espalier.Outcome
	if err == nil {
		err = json.Unmarshal(content, &o)
	}
	if err != nil {
		t.Fatal(err)
	}
	good, place := o.Valid[0], o.Valid[1]
	if _, there := good.Metrics["auc"]; there || good.Score != nil || place.Score == nil || *place.Score != place.Metrics["accuracy"] {
		t.Errorf("the result has %+v", o.Valid)
	}
	if diff := cmp.Diff(map[string]string{"auc": "all labels are of one class"}, good.Undefined); diff != "" || len(o.Warnings) == 0 || o.Warnings[0] != warning {
		t.Errorf("%s, warnings %q", diff, o.Warnings)
	}
	code, _, stderr = command(t, "train", recipe, "--out", filepath.Join(t.TempDir(), "run"), "--engine", "gonum", "--set", "train.select=good")
	if code != 0 || strings.Count(stderr, "  kept\n") != 2 || !strings.Contains(stderr, "warning: no epoch has a score, because no metric that counts is defined") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
