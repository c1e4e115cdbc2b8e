package task_test

import (
	"fmt"
	"strings"
	"testing"

	"espalier/schema"
	"espalier/task"
)

// TestCountsAreNumbersFrom0: whole or not; a negative one is a mistake of its record.
func TestCountsAreNumbersFrom0(t *testing.T) {
	of, own := task.Of(task.Count), &schema.Task{Name: "visits", Type: task.Count}
	for text, want := range map[string]string{
		"0": "", "12": "", "2.5": "", "1e3": "", "-0": "",
		"-1":   `task "visits" is count, "-1" is negative; counts start at 0`,
		"-0.5": `task "visits" is count, "-0.5" is negative; counts start at 0`,
		"many": `task "visits" is count, "many" is not a finite number`,
	} {
		got, err := of.Read(own, &task.Record{Field: task.Field{Text: text}, Given: true})
		if msg := fmt.Sprint(err); want == "" && (err != nil || !got.OK) || want != "" && msg != want {
			t.Errorf("%s: %+v, %v, want %s", text, got, err, want)
		}
	}
	if got, err := of.Read(own, &task.Record{Given: true}); err != nil || got.OK {
		t.Errorf("an empty field is %+v, %v, want a missing label", got, err)
	}
}

// TestWhatIsLearnedOfCounts: the mean and the deviation in float32, a note of those that
// are not whole, and nothing of counts that are all the same.
func TestWhatIsLearnedOfCounts(t *testing.T) {
	learn := func(values ...float64) (*schema.Task, []string, error) {
		own := &schema.Task{Name: "visits", Type: task.Count}
		l := task.Of(task.Count).NewLearner(task.LearnOptions{Columns: 1})
		if !l.Empty() {
			t.Error("nothing was added, and it is not empty")
		}
		for _, x := range values {
			l.Add(&task.Labels{OK: true, Value: x}, nil)
		}
		l.Add(&task.Labels{}, nil)
		notes, err := l.Learn(own)
		return own, notes, err
	}
	own, notes, err := learn(0, 1, 2.5, 4.5)
	if err != nil || own.Mean != 2 || own.Double || task.Of(task.Count).Check(nil, own) != nil {
		t.Errorf("learned is %+v, %v", own, err)
	}
	const want = "task visits: counts of mean 2 and deviation 1.696, of 4 values in training; 2 of them are no whole numbers, and learned as means of counts"
	if len(notes) != 1 || notes[0] != want {
		t.Errorf("got %q, want %q", notes, want)
	}
	if got := task.Of(task.Count).Describe(own); got != "count, mean 2, deviation 1.696" {
		t.Error(got)
	}
	if _, notes, err = learn(1e9, 1e9+4); err != nil || strings.Contains(notes[0], "whole") {
		t.Error(notes, err)
	}
	if _, _, err = learn(0, 0); err == nil || err.Error() != "has the one value 0 in training; there is nothing to learn" {
		t.Error(err)
	}
}

// TestCountsThatCannotBe.
func TestCountsThatCannotBe(t *testing.T) {
	for want, of := range map[string]schema.Task{
		"its value is float64, but counts are float32": {Mean: 2, Deviation: 1, Double: true},
		"its mean is -2, but counts are not negative":  {Mean: -2, Deviation: 1},
	} {
		if err := task.Of(task.Count).Check(nil, &of); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
