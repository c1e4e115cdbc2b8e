package step_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/data"
	"espalier/internal/smallencoder"
	"espalier/models"
	"espalier/pretrained"
	"espalier/runtime"
	"espalier/setting"
	"espalier/tensor"
	"espalier/train/optim"
	"espalier/train/step"
)

// encoderModel is a model with a pretrained trunk on the data of ownIDs.
func encoderModel(t *testing.T, options setting.Values, c models.TrunkConfig) (*models.Model, *data.Dataset) {
	t.Helper()
	base, d := ownIDs(t)
	var err error
	if c.Pretrained, err = pretrained.ParseConfig([]byte(smallencoder.Config)); err != nil {
		t.Fatal(err)
	}
	c.Type, c.Options = models.PretrainedTrunk, options
	m, err := models.NewText(base.Schema(), models.Config{Trunk: c})
	if err != nil {
		t.Fatal(err)
	}
	return m, d
}

// TestWhatStepsReadWhereFeaturesAreKept: nothing of the frozen part of the trunk. Without
// features, or with dropout in between, all of it.
func TestWhatStepsReadWhereFeaturesAreKept(t *testing.T) {
	head := []string{"head/topic/logits/bias", "head/topic/logits/weight"}
	for _, c := range []struct {
		name     string
		options  setting.Values
		trunk    models.TrunkConfig
		features []step.Feature
		also     []string // beside the head, by the beginnings of their names
		rows     int
	}{
		{"heads alone", setting.Values{"tune": "none"}, models.TrunkConfig{}, []step.Feature{{Name: "feature/0", Vector: []int64{16}}}, nil, 0},
		{"a pooling that learns", setting.Values{"tune": "none"}, models.TrunkConfig{Pooling: "attention"}, []step.Feature{{Name: "feature/0", Tokens: true, Vector: []int64{16}}}, []string{"trunk/pool/"}, 0},
		{"a mix of layers", setting.Values{"tune": "none", "mix": true, "features": "file"}, models.TrunkConfig{}, []step.Feature{
			{Name: "feature/0", Tokens: true, Vector: []int64{16}},
			{Name: "feature/1", Tokens: true, Vector: []int64{16}},
		}, []string{"head/topic/mix/"}, 0},
		{"the top layer", setting.Values{"tune": "top", "top": int64(1), "features": "memory"}, models.TrunkConfig{}, []step.Feature{{Name: "feature/0", Tokens: true, Vector: []int64{16}}}, []string{"trunk/layer_1/"}, 0},
		{"the top layer, nothing kept", setting.Values{"tune": "top", "top": int64(1)}, models.TrunkConfig{}, nil, []string{"trunk/embedding/", "trunk/layer_0/", "trunk/layer_1/"}, 2},
		{"none", setting.Values{"tune": "none", "features": "none"}, models.TrunkConfig{}, nil, []string{"trunk/embedding/", "trunk/layer_0/", "trunk/layer_1/"}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, _ := encoderModel(t, c.options, c.trunk)
			s, err := step.New(m, engines(t)["gonum"], step.Config{Optimizer: optim.Config{Type: "sgd"}, Plain: true})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if diff := cmp.Diff(c.features, s.Features()); diff != "" {
				t.Errorf("features: %s", diff)
			}
			names, rows := step.Reads(s)
			if rows != c.rows {
				t.Errorf("%d looked-up rows, want %d", rows, c.rows)
			}
			for _, name := range names {
				if !slices.Contains(head, name) && !slices.ContainsFunc(c.also, func(p string) bool { return strings.HasPrefix(name, p) }) {
					t.Errorf("the step reads %s", name)
				}
			}
			for _, p := range append(c.also, head...) {
				if !slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, p) }) {
					t.Errorf("the step reads nothing of %s", p)
				}
			}
		})
	}
}

// TestComputedFeaturesAreThoseOfTheBatch: a batch that brings its features has the losses
// of one that brings none, and of a model that keeps none.
func TestComputedFeaturesAreThoseOfTheBatch(t *testing.T) {
	ctx := context.Background()
	for name, e := range engines(t) {
		losses := func(features string, bring bool) float32 {
			m, d := encoderModel(t, setting.Values{"tune": "none", "features": features}, models.TrunkConfig{})
			s, err := step.New(m, e, step.Config{Optimizer: optim.Config{Type: "sgd"}, Plain: true, Seed: 3})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			b := &data.Batch{}
			d.Fill(b, []int{0, 1, 2})
			in := step.Input{Batch: &b.Batch}
			if bring {
				values, err := s.ComputeFeatures(ctx, &b.Batch)
				if err != nil {
					t.Fatal(err)
				}
				for _, v := range values {
					in.Features = append(in.Features, v.Clone())
				}
			}
			of, err := s.Evaluate(ctx, in)
			if err != nil {
				t.Fatal(err)
			}
			if in.Features != nil {
				in.Features[0] = tensor.Must(tensor.Of(make([]float32, 2), 1, 2))
				if _, err := s.Evaluate(ctx, in); err == nil || !strings.Contains(err.Error(), "asks for input") {
					t.Errorf("features of another shape: %v", err)
				}
			}
			return of[0]
		}
		want := losses("none", false)
		for _, got := range []float32{losses("memory", false), losses("memory", true)} {
			if math.Abs(float64(got-want)) > 1e-6 {
				t.Errorf("%s: the loss is %v, want %v", name, got, want)
			}
		}
	}
}

// TestFeaturesThatCannotBeKept are refused, and the text says what to do.
func TestFeaturesThatCannotBeKept(t *testing.T) {
	var e runtime.Engine = engines(t)["gonum"]
	for _, c := range []struct {
		options setting.Values
		config  step.Config
		want    string
	}{
		{setting.Values{"tune": "none"}, step.Config{WordDropout: 0.1}, "train: trunk.features: word_dropout and rare_word_dropout give the trunk other words in every epoch, so that nothing can be kept of an example; set them to 0, or trunk.features to none"},
		{setting.Values{"tune": "all", "features": "memory"}, step.Config{}, "train: trunk.features: no part of this model's trunk stays as it is for every example; set it to none"},
	} {
		m, _ := encoderModel(t, c.options, models.TrunkConfig{})
		c.config.Optimizer.Type, c.config.Plain = "sgd", true
		if _, err := step.New(m, e, c.config); err == nil || err.Error() != c.want {
			t.Errorf("got %v\nwant %s", err, c.want)
		}
	}
}
