package setting_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/setting"
)

func TestValuesOutOfRangeAreNamed(t *testing.T) {
	for _, c := range []struct {
		option setting.Option
		value  any
		want   string
	}{
		{setting.Option{Key: "l2"}, -1.0, "l2 is -1, it cannot be negative"},
		{setting.Option{Key: "l2"}, math.Inf(1), "l2 is +Inf, it must be a finite number"},
		{setting.Option{Key: "lr", Open: true}, 0.0, "lr is 0, it must be above 0"},
		{setting.Option{Key: "own", Open: true, Max: 1}, 1.5, "own is 1.5, it must be at most 1"},
		{setting.Option{Key: "own", Open: true, Max: 1}, 0, "own is 0, it must be above 0 and at most 1"},
		{setting.Option{Key: "beta", Open: true, Max: 1, Below: true}, 1.0, "beta is 1, it must be above 0 and below 1"},
		{setting.Option{Key: "min", Max: 1}, 2.0, "min is 2, it must be between 0 and 1"},
		{setting.Option{Key: "dropout", Kind: setting.Share}, 1.0, "dropout is 1, it must be at least 0 and below 1"},
		{setting.Option{Key: "dropout", Kind: setting.Share}, math.NaN(), "dropout is NaN, it must be at least 0 and below 1"},
		{setting.Option{Key: "k", Kind: setting.Whole, Min: 1}, 0, "k is 0, it must be at least 1"},
		{setting.Option{Key: "k", Kind: setting.Whole, Min: 1}, 1 << 40, "k is 1099511627776, it must be at most 2147483647"},
		{setting.Option{Key: "k", Kind: setting.Whole, Max: 2}, 3, "k is 3, it must be a whole number from 0 to 2"},
		{setting.Option{Key: "seed", Kind: setting.Whole, Max: setting.Unlimited}, -1, "seed is -1, it cannot be negative"},
		{setting.Option{Key: "seed", Kind: setting.Whole, Max: setting.Unlimited}, math.MaxInt64, ""},
		{setting.Option{Key: "type", Kind: setting.Word, Words: []string{"bag", "cnn"}}, "cn", `type is "cn", which is not one of bag, cnn; did you mean "cnn"?`},
		{setting.Option{Key: "type", Kind: setting.Word, Words: []string{"bag", "cnn"}}, "", "type is missing; it is one of bag, cnn"},
		{setting.Option{Key: "dilations", Kind: setting.Whole, List: true, Min: 1}, []int{1, 0}, "dilations.1 is 0, it must be at least 1"},
		{setting.Option{Key: "hidden", Kind: setting.Whole, List: true, Single: true, Min: 1}, []int{1, 0}, "hidden is 0, it must be at least 1"},
		{setting.Option{Key: "class_weights", Named: true}, map[string]any{"a": 1, "b": -2}, "class_weights.b is -2, it cannot be negative"},
		{setting.Option{Key: "k", Kind: setting.Whole}, "x", "k is x, it must be a whole number"},
		{setting.Option{Key: "k", Kind: setting.Whole}, 1.5, "k is 1.5, it must be a whole number"},
		{setting.Option{Key: "reads", Kind: setting.Text, List: true}, []any{"a", 1}, "reads is [a 1], it must be a list of texts"},
		{setting.Option{Key: "crf", Kind: setting.Flag}, 1, "crf is 1, it must be true or false"},
	} {
		value, err := c.option.Convert(c.value)
		if err == nil {
			err = c.option.Check(value)
		}
		if got := fmt.Sprint(err); got != c.want && (err != nil || c.want != "") {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// part is a part of a model as package models has them.
type part struct {
	Hidden    int64   `key:"hidden"`
	Widths    []int64 `key:"hidden,many"`
	L2        float64 `key:"l2"`
	Inner     int     `key:"inner"`
	Norm      string  `key:"norm"`
	Residual  bool    `key:"residual"`
	Dilations []int   `key:"dilations"`
	Options   setting.Values
}

var options = []setting.Option{
	{Key: "hidden", Kind: setting.Whole, Min: 1, From: func(of setting.Values) any { return of.Int("width") }, Follows: "the width of what it reads"},
	{Key: "l2", Default: 0.0001},
	{Key: "inner", Kind: setting.Whole, Min: 1, From: func(of setting.Values) any { return 4 * of.Int("hidden") }, Follows: "4 times hidden"},
	{Key: "norm", Kind: setting.Word, Words: []string{"none", "layer"}, Default: "none"},
	{Key: "residual", Kind: setting.Flag, Default: false},
	{Key: "dilations", Kind: setting.Whole, List: true, Min: 1},
	{Key: "strength", Kind: setting.Share, Default: 0.5},
}

var around = setting.Values{"width": 6}

func TestZeroFieldsTakeDefaults(t *testing.T) {
	var p part
	of, err := (setting.Binding{Options: options, Around: around}).Complete(&p)
	if err != nil {
		t.Fatal(err)
	}
	want := part{Hidden: 6, L2: 0.0001, Inner: 24, Norm: "none", Options: setting.Values{"strength": 0.5}}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Error(diff)
	}
	if of.Int("inner") != 24 || of.Number("strength") != 0.5 || of.Text("norm") != "none" || of.Flag("residual") {
		t.Errorf("the values are %v", of)
	}
}

// A zero that is meant stands in Options, and is kept however often the struct is
// completed.
func TestZerosThatAreMeantStay(t *testing.T) {
	given := setting.Values{"l2": 0, "strength": 0.1}
	p := part{Options: given}
	for range 2 {
		if _, err := (setting.Binding{Options: options, Around: around}).Complete(&p); err != nil || p.L2 != 0 {
			t.Fatalf("l2 is %v: %v", p.L2, err)
		}
	}
	if diff := cmp.Diff(setting.Values{"l2": 0, "strength": 0.1}, given); diff != "" {
		t.Errorf("the caller's map has changed: %s", diff)
	}
	read := part{L2: 0}
	if _, err := (setting.Binding{Options: options, Around: around, Given: func(key string) bool { return key == "l2" }}).Complete(&read); err != nil || read.L2 != 0 {
		t.Fatalf("l2 is %v: %v", read.L2, err)
	}
	setting.Binding{Options: options, Around: around}.Explicit(&read)
	if _, err := (setting.Binding{Options: options, Around: around}).Complete(&read); err != nil || read.L2 != 0 {
		t.Fatalf("l2 is %v: %v", read.L2, err)
	}
}

func TestAListHasAFieldOfItsOwn(t *testing.T) {
	list := []setting.Option{{Key: "hidden", Kind: setting.Whole, List: true, Min: 1, Default: []int{128, 64}}}
	var p part
	if _, err := (setting.Binding{Options: list, Around: nil}).Complete(&p); err != nil || !cmp.Equal(p.Widths, []int64{128, 64}) || p.Hidden != 0 {
		t.Errorf("%v: %v", p, err)
	}
	p = part{Widths: []int64{}}
	if _, err := (setting.Binding{Options: list, Around: nil}).Complete(&p); err != nil || len(p.Widths) != 0 {
		t.Errorf("an empty list that is given becomes %v: %v", p.Widths, err)
	}
}

func TestMistakesInAStructAreNamed(t *testing.T) {
	for _, c := range []struct {
		part part
		want string
	}{
		{part{Hidden: -1}, "hidden is -1, it must be at least 1"},
		{part{Norm: "batch"}, `norm is "batch", which is not one of none, layer`},
		{part{Dilations: []int{1, -2}}, "dilations.1 is -2, it must be at least 1"},
		{part{Options: setting.Values{"strength": "much"}}, "strength is much, it must be a number"},
		{part{Options: setting.Values{"strenght": 0.5}}, `has no option "strenght": did you mean "strength"?`},
	} {
		if _, err := (setting.Binding{Options: options, Around: around}).Complete(&c.part); fmt.Sprint(err) != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

func TestReadNamesUnknownKeysLast(t *testing.T) {
	_, err := setting.Read(options, setting.Values{"hiden": 1}, around, nil)
	if unknown := (*setting.UnknownError)(nil); !errors.As(err, &unknown) || err.Error() != `has no option "hiden": did you mean "hidden"?` {
		t.Errorf("got %v", err)
	}
	weights := []setting.Option{{Key: "weights", Default: 1.0, PerTask: true, Max: 10}}
	of, err := setting.Read(weights, setting.Values{"weights": map[string]any{"b": 3}}, nil, []string{"a", "b"})
	if diff := cmp.Diff([]float64{1, 3}, of.Numbers("weights")); diff != "" || err != nil {
		t.Errorf("%s: %v", diff, err)
	}
	if _, err = setting.Read(weights, setting.Values{"weights": map[string]any{"c": 3}}, nil, []string{"a", "b"}); fmt.Sprint(err) != `option weights names task "c", there are a, b` {
		t.Errorf("got %v", err)
	}
}

func TestRangesInWords(t *testing.T) {
	for _, c := range []struct {
		option      setting.Option
		kind, bound string
	}{
		{setting.Option{Max: 100}, "a number", "0 to 100"},
		{setting.Option{Open: true}, "a number", "above 0"},
		{setting.Option{Open: true, Max: 1}, "a number", "above 0, to 1"},
		{setting.Option{Kind: setting.Share}, "a number", "from 0, below 1"},
		{setting.Option{Kind: setting.Whole, Min: 1, List: true}, "a list of whole numbers", "from 1, whole"},
		{setting.Option{Kind: setting.Word, Words: []string{"a", "b"}}, "a word", "a, b"},
		{setting.Option{Kind: setting.Flag}, "true or false", ""},
		{setting.Option{Min: -math.MaxFloat32, Max: math.MaxFloat32, PerTask: true}, "a mapping from tasks to numbers", "any"},
	} {
		if kind, bound := c.option.Type(), c.option.Range(); kind != c.kind || bound != c.bound {
			t.Errorf("got %q, %q, want %q, %q", kind, bound, c.kind, c.bound)
		}
	}
}
