package task_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"

	"espalier/metric"
	"espalier/schema"
	"espalier/task"
	"espalier/tensor"
)

// sample is a schema with a task of a type, which joins the spans of another where the
// type is of pairs.
func sample(of task.Type) (*schema.Schema, *schema.Task) {
	t := schema.Task{Name: "t", Type: of.Name(), Outputs: nil}
	spans := []string{"O", "B-x", "B-y", "E-x", "E-y", "I-x", "I-y", "S-x"}
	s := &schema.Schema{
		Version: schema.Version, Name: "sample",
		Inputs: []schema.Input{{Name: "text", Type: schema.Text, Tensor: "ids", VocabularySize: 9}},
		Tasks:  []schema.Task{{Name: "spans", Type: schema.Tagging, Scheme: "bioes", Labels: spans}},
	}
	switch traits := of.Traits(); {
	case traits.Choice == task.Number:
		t.Mean, t.Deviation = 10, 4
	case traits.Level == task.OfToken:
		t.Labels, t.Scheme = spans, "bioes"
	case traits.Level == task.OfPair:
		t.Labels, t.Entities = []string{"of", "to"}, "spans"
	default:
		t.Labels = []string{"a", "b", "c"}
	}
	t.Counts = make([]int, len(t.Labels))
	for i := range t.Counts {
		t.Counts[i] = 3 + i
	}
	s.Tasks = append(s.Tasks, t)
	for i := range s.Tasks {
		s.Tasks[i].Outputs = task.Outputs(&s.Tasks[i])
	}
	return s, &s.Tasks[1]
}

// TestATypeAgreesWithItsTraits: what code outside of a type's file goes by.
func TestATypeAgreesWithItsTraits(t *testing.T) {
	var names []string
	for _, of := range task.Types() {
		s, own := sample(of)
		traits := of.Traits()
		names = append(names, string(of.Name()))
		if err := task.Check(s); err != nil {
			t.Errorf("%s: %v", of.Name(), err)
		}
		if task.Of(of.Name()) != of || task.TraitsOf(own) != traits {
			t.Errorf("%s is not found by its name", of.Name())
		}
		has := func(r schema.Role) bool { return slices.Contains(of.Roles(), r) }
		if number := traits.Choice == task.Number; has(schema.Value) != number || has(schema.Probabilities) == number || has(schema.Label) && number {
			t.Errorf("%s has the roles %v", of.Name(), of.Roles())
		}
		if traits.Choice == task.OneLabel && !has(schema.Label) {
			t.Errorf("%s chooses a label, but has no output of labels", of.Name())
		}
		if got := own.Output(of.Roles()[0]); got != schema.OutputName("t", of.Roles()[0]) {
			t.Errorf("%s: its first output is %q", of.Name(), got)
		}
		targets := map[string]task.Targets{"t": of.NewTargets(s, own), "spans": task.Of(schema.Tagging).NewTargets(s, &s.Tasks[0])}
		judge := of.NewJudge(s, own, func(name string) task.Targets { return targets[name] })
		if _, decides := judge.(task.Decider); decides != (traits.Choice == task.AnyLabels) || decides != (of.ThresholdMetrics() != nil) {
			t.Errorf("%s decides by thresholds: %v", of.Name(), decides)
		}
		if _, ok := targets["t"].(task.Sequences); ok != (traits == task.Traits{Level: task.OfToken, Choice: task.OneLabel}) {
			t.Errorf("%s has labels of whole sequences: %v", of.Name(), ok)
		}
		if of.Describe(own) == "" {
			t.Errorf("%s is not described", of.Name())
		}
		seen := map[string]bool{}
		for _, o := range of.Options() {
			if seen[o.Key] || o.Key == "" || o.Doc == "" {
				t.Errorf("%s has the option %+v", of.Name(), o)
			}
			seen[o.Key] = true
		}
	}
	if !slices.Equal(task.Names(), names) || len(slices.Compact(slices.Sorted(slices.Values(names)))) != len(names) {
		t.Errorf("the types are %q", names)
	}
}

// TestATypeMakesItsMetrics, and nothing else.
func TestATypeMakesItsMetrics(t *testing.T) {
	for _, of := range task.Types() {
		_, own := sample(of)
		measurable := task.MetricNames(own)
		if !slices.Contains(measurable, task.MainMetric(own)) {
			t.Errorf("%s is judged by %s, but measured by %q", of.Name(), task.MainMetric(own), measurable)
		}
		for _, name := range measurable {
			a, err := task.NewMetric(name, own)
			if err != nil || a == nil {
				t.Errorf("%s: %s: %v", of.Name(), name, err)
			}
			if metric.OfValues(name) != (of.Traits().Choice == task.Number) && !metric.OfScores(name) {
				t.Errorf("%s is measured by %s, which counts numbers: %v", of.Name(), name, metric.OfValues(name))
			}
		}
		if _, err := task.NewMetric("beauty", own); err == nil || !strings.Contains(err.Error(), `metric: "beauty" does not measure `+string(of.Name())) {
			t.Errorf("%s: %v", of.Name(), err)
		}
		for _, name := range of.ThresholdMetrics() {
			if got := task.ThresholdMetric(of, name); got != name {
				t.Errorf("%s: thresholds tuned for %s are tuned for %s", of.Name(), name, got)
			}
		}
		if got := task.ThresholdMetric(of, "precision:a"); got != "macro_f1" {
			t.Errorf("%s: thresholds of a task judged by a precision are tuned for %s", of.Name(), got)
		}
	}
}

// TestConstantPredictionsAreInTheFormOfMetrics.
func TestConstantPredictionsAreInTheFormOfMetrics(t *testing.T) {
	for _, of := range task.Types() {
		_, own := sample(of)
		c := of.Constant(own, "accuracy")
		if c.Name == "" {
			t.Errorf("%s has no constant prediction", of.Name())
		}
		got := c.Predict(of.Traits(), 3)
		switch traits := of.Traits(); {
		case traits.Level == task.OfPair:
			if got != nil {
				t.Errorf("%s: %v, want no relation", of.Name(), got)
			}
		case traits.Choice == task.Number:
			if c.Value != own.Mean {
				t.Errorf("%s: %v, want the mean", of.Name(), c.Value)
			}
		case traits.Choice == task.AnyLabels:
			if !slices.Equal(got, []int64{0, 0, 1}) {
				t.Errorf("%s: %v, want the last label, which is the most frequent", of.Name(), got)
			}
		default:
			last := int64(len(own.Labels) - 1)
			if !slices.Equal(got, []int64{last, last, last}) {
				t.Errorf("%s: %v, want the last label, which is the most frequent", of.Name(), got)
			}
		}
		if own.Counts = nil; of.Traits().Choice != task.Number && of.Traits().Level != task.OfPair && of.Constant(own, "accuracy").Name != "" {
			t.Errorf("%s: a constant is named although nothing was counted", of.Name())
		}
	}
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	example := func() *schema.Schema {
		return &schema.Schema{
			Version: schema.Version, Name: "example",
			Inputs: []schema.Input{{Name: "text", Type: schema.Text, Tensor: "ids", VocabularySize: 9}},
			Tasks: []schema.Task{
				{Name: "topic", Type: schema.Classification, Labels: []string{"a", "b"}},
				{Name: "score", Type: schema.Regression},
				{Name: "tags", Type: schema.Tagging, Scheme: "bio", Labels: []string{"O", "B-x"}},
				{Name: "rel", Type: schema.Relation, Entities: "tags", Labels: []string{"of"}},
			},
		}
	}
	if err := task.Check(example()); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(s *schema.Schema){
		`schema has no tasks`: func(s *schema.Schema) { s.Tasks = nil },
		`task "topic": classification needs at least two labels, it has 0`:                                                     func(s *schema.Schema) { s.Tasks[0].Labels = nil },
		`task "topic": multilabel needs at least two labels, it has 1`:                                                         func(s *schema.Schema) { s.Tasks[0].Type, s.Tasks[0].Labels = schema.MultiLabel, []string{"a"} },
		`task "tags": tagging needs at least two labels, it has 1`:                                                             func(s *schema.Schema) { s.Tasks[2].Labels = []string{"O"} },
		`task "score": type "ranking" is not one of classification, multilabel, tagging, regression, count, relation, ordinal`: func(s *schema.Schema) { s.Tasks[1].Type = "ranking" },
		`task "score": its value is float64, but it has no deviation`:                                                          func(s *schema.Schema) { s.Tasks[1].Double = true },
		`task "rel": relation needs at least one label, it has 0`:                                                              func(s *schema.Schema) { s.Tasks[3].Labels, s.Tasks[3].Entities = nil, "" },
		`task "rel": relation names no entities; they are a tagging task with a scheme`:                                        func(s *schema.Schema) { s.Tasks[3].Entities = "" },
		`task "rel": its entities are "words", which is no task`:                                                               func(s *schema.Schema) { s.Tasks[3].Entities = "words" },
		`task "rel": its entities are "topic", which is not tagging with a scheme`:                                             func(s *schema.Schema) { s.Tasks[3].Entities = "topic" },
		`task "tags": it is tagging, which joins no entities`:                                                                  func(s *schema.Schema) { s.Tasks[2].Entities = "tags" },
	} {
		s := example()
		change(s)
		if err := task.Check(s); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	s := example()
	s.Tasks[1].Type = "ranking"
	data, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := task.Decode(data); err == nil || got != nil || !strings.Contains(err.Error(), `type "ranking" is not one of`) {
		t.Errorf("a schema with an unknown type is read as %v, %v", got, err)
	}
	if _, err := task.Decode([]byte("[")); err == nil || !strings.Contains(err.Error(), "schema is not valid JSON") {
		t.Errorf("got %v", err)
	}
}

// TestEveryMethodOfATypeIsDocumented: the interfaces are what somebody who adds a type
// reads.
func TestEveryMethodOfATypeIsDocumented(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "task.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	interfaces := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		of, ok := spec.Type.(*ast.InterfaceType)
		if !ok {
			return true
		}
		interfaces++
		for _, m := range of.Methods.List {
			if len(m.Names) > 0 && m.Doc.Text() == "" {
				t.Errorf("%s.%s has no comment", spec.Name, m.Names[0])
			}
		}
		return true
	})
	if interfaces < 4 {
		t.Errorf("%d interfaces were found in task.go", interfaces)
	}
}

// TestElementsThatAreNotRead are refused by name, whatever the role.
func TestElementsThatAreNotRead(t *testing.T) {
	for _, of := range task.Types() {
		_, own := sample(of)
		var outputs []tensor.Named
		for _, o := range own.Outputs {
			shape := map[task.Level][]int64{task.OfExample: {1}, task.OfToken: {1, 1}, task.OfPair: {1, 1, 1, 1}}[of.Traits().Level]
			outputs = append(outputs, tensor.Named{Name: o.Tensor, Tensor: tensor.Must(tensor.Of([]uint8{0}, shape...))})
		}
		var d task.Decoder
		_, err := task.NewReader(own, false).View(&d, outputs, 1)
		if err == nil || !strings.HasPrefix(err.Error(), `output "`+own.Outputs[0].Tensor+`": its elements are uint8, `) {
			t.Errorf("%s: %v", of.Name(), err)
		}
	}
}

func TestANumberIsShownToAThousandthOfItsDeviation(t *testing.T) {
	for want, of := range map[string][2]float64{
		"1700000097.82": {1700000097.8217275, 85.8}, "412345": {412345.4, 2.5e5}, "2011.23": {2011.234, 10}, "0.0123457": {0.0123456789, 1e-4},
		"4.123e+05": {412345.4, 0}, "1.235e-15": {1.2346e-15, 1e-15}, "-12.35": {-12.3456, 99},
	} {
		got := task.Of(schema.Regression).Print(&schema.Task{Deviation: of[1]}, &task.Answer{Value: &of[0]}, nil)
		if got != want {
			t.Errorf("%v of deviation %v is %s, want %s", of[0], of[1], got, want)
		}
	}
}
