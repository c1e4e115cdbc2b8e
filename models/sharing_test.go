package models_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"espalier/builder"
	"espalier/builder/grad"
	"espalier/models"
	"espalier/runtime/gonum"
	"espalier/schema"
	"espalier/setting"
	"espalier/tensor"
)

// structures has every sharing structure, each on one of the trunks.
var structures = map[string]struct {
	trunk   models.TrunkConfig
	sharing models.SharingConfig
}{
	"soft": {
		models.TrunkConfig{Type: "cnn", Embedding: 8, Hidden: 6, Pooling: "attention"},
		models.SharingConfig{Method: "soft", L2: 0.1},
	},
	"cross-stitch": {
		models.TrunkConfig{Type: "transformer", Embedding: 8, Hidden: 8, Layers: 2, Heads: 2, MaxLength: 20},
		models.SharingConfig{Method: "cross_stitch"},
	},
	"MMoE": {
		models.TrunkConfig{Type: "bag", Embedding: 8},
		models.SharingConfig{Method: "mmoe", Experts: 3, ExpertHidden: 5, Temperature: 0.5},
	},
	"DSelect-k": {
		models.TrunkConfig{Type: "bag", Embedding: 8},
		models.SharingConfig{Method: "dselect_k", Experts: 3, K: 2, Entropy: 0.1},
	},
	"DSelect-k by token": {
		models.TrunkConfig{Type: "bilstm", Embedding: 8},
		models.SharingConfig{Method: "dselect_k", Experts: 4, K: 2, Gamma: 4, Conditional: true, Entropy: 0.1},
	},
	"CGC": {
		models.TrunkConfig{Type: "bigru", Embedding: 8, Hidden: 4, Layers: 2},
		models.SharingConfig{Method: "cgc", Experts: 2, TaskExperts: 1, ExpertHidden: 5},
	},
	"PLE": {
		models.TrunkConfig{Type: "bag", Embedding: 8, Pooling: "max"},
		models.SharingConfig{Method: "ple", Levels: 3, Experts: 2, TaskExperts: 2, ExpertHidden: 5},
	},
	"MTAN": {
		models.TrunkConfig{Type: "cnn", Embedding: 8, Hidden: 6, Layers: 3},
		models.SharingConfig{Method: "mtan", Bottleneck: 4},
	},
	"AITM": {
		models.TrunkConfig{Type: "cnn", Embedding: 8, Hidden: 6, Pooling: "attention"},
		models.SharingConfig{Method: "aitm", Tower: 5},
	},
	"adapter": {
		models.TrunkConfig{Type: "lstm", Embedding: 8, Hidden: 6},
		models.SharingConfig{Method: "adapter", Bottleneck: 3},
	},
	"low rank": {
		models.TrunkConfig{Type: "gru", Embedding: 8, Hidden: 6, Pooling: "attention"},
		models.SharingConfig{Method: "low_rank", Rank: 2, Scale: 2},
	},
	"adversarial": {
		models.TrunkConfig{Type: "cnn", Embedding: 8, Hidden: 6, Pooling: "attention"},
		models.SharingConfig{Method: "adversarial"},
	},
	"adversarial, least squares": {
		models.TrunkConfig{Type: "bag", Embedding: 8, Hidden: 6, Layers: 1, Pooling: "max"},
		models.SharingConfig{Method: "adversarial", Options: setting.Values{"loss": "l2", "lambda": 0.5, "discriminator": 5, "orthogonality": 0.0}},
	},
}

// TestScopesSayWhatALossReaches: a task's loss and answers depend on the trunk
// and on the task's own parameters, on all of its own and on no other task's,
// so that a file of some heads carries nothing of the rest.
func TestScopesSayWhatALossReaches(t *testing.T) {
	for name, c := range structures {
		for _, trunk := range []string{"bag", "cnn", "transformer", "lstm", "bigru", "stack"} {
			t.Run(name+" "+trunk, func(t *testing.T) {
				trunk := models.TrunkConfig{Type: trunk, Embedding: 4, Layers: 2, Pooling: "attention"}
				if trunk.Type == "stack" {
					trunk.Stack = []models.TrunkConfig{{Type: "cnn", Layers: 1}, {Type: "bilstm", Skip: true}}
				}
				b, err := sharing(t, trunk, c.sharing).Build(models.Evaluation)
				if err != nil {
					t.Fatal(err)
				}
				for _, task := range b.Tasks {
					reaches(t, b, task)
				}
			})
		}
	}
}

// position is a task's place in the order.
func position(b *models.Built, task string) int {
	return slices.IndexFunc(b.Tasks, func(t models.TaskGraph) bool { return t.Name == task })
}

func reaches(t *testing.T, b *models.Built, task models.TaskGraph) {
	t.Helper()
	params := b.Graph.Parameters()
	grads := grad.Gradients(b.Graph, []*builder.Value{task.Loss}, nil, params)
	for i, p := range params {
		owner, own := models.TaskOf(p.Name())
		tower, of := strings.CutPrefix(p.Name(), "trunk/towers/")
		tower, _, _ = strings.Cut(tower, "/")
		switch {
		case of: // of aitm: the task's own and those of tasks before
			if tells := position(b, tower) <= position(b, task.Name); tells != (grads[i] != nil) {
				t.Errorf("the loss of %s reaches %s: %v", task.Name, p.Name(), !tells)
			}
		case own && (owner == task.Name) != (grads[i] != nil):
			t.Errorf("the loss of %s reaches %s: %v", task.Name, p.Name(), grads[i] != nil)
		case !own && grads[i] == nil && (task.Name != "tags" || !strings.HasPrefix(p.Name(), "trunk/pool/")):
			t.Errorf("the loss of %s does not reach %s, which stands as shared", task.Name, p.Name())
		}
	}
	e, err := b.Graph.Emit(builder.Emission{Outputs: task.Outputs})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range e.Inputs {
		if owner, own := models.TaskOf(v.Name()); own && owner != task.Name {
			t.Errorf("the answer of %s needs %s", task.Name, v.Name())
		}
	}
}

// TestParametersOfStructures counts by hand: a trunk of d = 8 features over a
// table of 30 words, without pooling of its own, and four tasks whose heads
// read d features.
func TestParametersOfStructures(t *testing.T) {
	const d, table = 8, words * 8
	heads := func(in int) map[string]int {
		return map[string]int{"topic": in*5 + 5 + 5*3 + 3, "mood": in + 1, "tags": in*3 + 3, "score": in + 1}
	}
	add := func(to map[string]int, n int) map[string]int {
		for task := range to {
			to[task] += n
		}
		return to
	}
	const dense = d*d + d
	for _, c := range []struct {
		sharing models.SharingConfig
		shared  int
		tasks   map[string]int
	}{
		{models.SharingConfig{}, table + 2*dense, heads(d)},
		{models.SharingConfig{Method: "soft"}, table, add(heads(d), 2*dense)},
		{models.SharingConfig{Method: "cross_stitch"}, table + 4*2*dense + 4*4, add(heads(d), 4)},
		{models.SharingConfig{Method: "mmoe", Experts: 3, ExpertHidden: 5}, table + 2*dense + 3*(d*5+5), add(heads(5), d*3)},
		{models.SharingConfig{Method: "dselect_k", Experts: 3, ExpertHidden: 5}, table + 2*dense + 3*(d*5+5), add(heads(5), 2*2+2)},
		{models.SharingConfig{Method: "cgc", Experts: 3, TaskExperts: 2, ExpertHidden: 5}, table + 2*dense + 3*(d*5+5), add(heads(5), 2*(d*5+5)+5*d)},
		{
			models.SharingConfig{Method: "ple", Experts: 1, TaskExperts: 1, ExpertHidden: 5},
			table + 2*dense + 5*(d*5+5) + d*5 + 5*5 + 5, // the first level, its gate of all experts, a shared expert
			add(heads(5), d*2+5*5+5+5*2),                // the first level's gate, an expert, the second's gate
		},
		{models.SharingConfig{Method: "mtan", Bottleneck: 4}, table + 2*dense, add(heads(d), (d*4+4)+(4*d+d)+dense+(2*d*4+4)+(4*d+d))},
		{
			models.SharingConfig{Method: "aitm", Tower: 5},
			table + 2*dense + 3*(d*5+5) + 2*(5*5+5+3*5*5), // the towers of all but the last task, and what the second and third are told
			func() map[string]int {
				of := heads(5)
				of["score"] += (d*5 + 5) + (5*5 + 5 + 3*5*5)
				return of
			}(),
		},
		{models.SharingConfig{Method: "adapter", Bottleneck: 3}, table + 2*dense, add(heads(d), d*3+3+3*d+d)},
		{models.SharingConfig{Method: "low_rank", Rank: 2}, table + 2*dense, add(heads(d), 2*2*d)},
		{models.SharingConfig{Method: "adversarial"}, table + 2*dense + 4*d + 4, add(heads(2*d), 2*dense)},
		{
			models.SharingConfig{Method: "adversarial", Options: setting.Values{"discriminator": 3}},
			table + 2*dense + 3*d + 3 + 3*4 + 4, add(heads(2*d), 2*dense),
		},
		{models.SharingConfig{Method: "adversarial", Options: setting.Values{"lambda": 0.0}}, table + 2*dense, add(heads(2*d), 2*dense)},
	} {
		got, err := sharing(t, models.TrunkConfig{Type: "bag", Embedding: d, Layers: 2}, c.sharing).Parameters()
		if err != nil {
			t.Fatal(err)
		}
		want := models.Count{Shared: c.shared, Tasks: c.tasks}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", c.sharing.Method, diff)
		}
	}
}

// TestAloneIsOneModelPerTask: whatever the structure, and without the layers
// that read other tasks.
func TestAloneIsOneModelPerTask(t *testing.T) {
	for name, c := range structures {
		m, err := models.NewText(description(), models.Config{
			Trunk: c.trunk, Sharing: c.sharing, Heads: map[string]models.HeadConfig{"topic": {Hidden: 5, Reads: []string{"tags"}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Alone()
		if err != nil {
			t.Fatal(err)
		}
		for _, task := range description().Tasks {
			s := description()
			s.Tasks = []schema.Task{task}
			heads := map[string]models.HeadConfig{}
			if task.Name == "topic" {
				heads["topic"] = models.HeadConfig{Hidden: 5}
			}
			one, err := models.NewText(s, models.Config{Trunk: c.trunk, Heads: heads})
			if err != nil {
				t.Fatal(err)
			}
			want, err := one.Parameters()
			if err != nil {
				t.Fatal(err)
			}
			if n := want.Shared + want.Tasks[task.Name]; got[task.Name] != n {
				t.Errorf("%s: %s alone has %d parameters, want %d", name, task.Name, got[task.Name], n)
			}
		}
	}
}

// TestPenaltyOfSoftSharing: the factor times the sum over pairs of tasks of the
// squared distance between their trunks, in training only.
func TestPenaltyOfSoftSharing(t *testing.T) {
	m := sharing(t, structures["soft"].trunk, structures["soft"].sharing)
	b, err := m.Build(models.Training)
	if err != nil {
		t.Fatal(err)
	}
	got := program(t, gonum.New(), b, []builder.Output{{Name: "penalty", Value: b.Penalty}})(nil)["penalty"].Float32s()[0]
	v, want := values(b), 0.0
	tasks := m.Schema().TaskNames()
	for i, a := range tasks {
		for name, x := range v {
			rest, ok := strings.CutPrefix(name, "head/"+a+"/trunk/")
			if !ok {
				continue
			}
			for _, other := range tasks[i+1:] {
				for j, y := range v["head/"+other+"/trunk/"+rest].Float32s() {
					d := float64(x.Float32s()[j] - y)
					want += 0.1 * d * d
				}
			}
		}
	}
	if want == 0 || math.Abs(float64(got)-want) > 1e-4*want {
		t.Errorf("the penalty is %v, want %v", got, want)
	}
	for _, mode := range []models.Mode{models.Evaluation, models.Inference} {
		if b, err := m.Build(mode); err != nil || b.Penalty != nil {
			t.Errorf("there is a penalty outside training (%v)", err)
		}
	}
}

// TestPenaltyOfTheCalibrator: its factor times what each task is likelier than
// the one before, in the mean over rows; in training only, and for tasks of two
// labels only.
func TestPenaltyOfTheCalibrator(t *testing.T) {
	s := tableDescription()
	s.Tasks = nil
	for _, name := range []string{"seen", "clicked", "paid"} {
		s.Tasks = append(s.Tasks, schema.Task{Name: name, Type: schema.Classification, Labels: []string{"no", "yes"}})
	}
	c := models.Config{Trunk: models.TrunkConfig{Widths: []int64{6}}, Sharing: models.SharingConfig{Method: "aitm", Calibrator: 0.6}}
	m, err := models.New(s, c)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := m.Build(models.Inference)
	if err != nil {
		t.Fatal(err)
	}
	v := values(answer)
	p := programOf(t, gonum.New(), answer, v, answers(answer))(tableInputs())
	want := 0.0
	for row := range 3 {
		yes := func(task string) float64 { return float64(p[task+"_probabilities"].Float32s()[2*row+1]) }
		want += 0.6 / 3 * (math.Max(yes("clicked")-yes("seen"), 0) + math.Max(yes("paid")-yes("clicked"), 0))
	}
	b, err := m.Build(models.Training)
	if err != nil {
		t.Fatal(err)
	}
	got := programOf(t, gonum.New(), b, v, []builder.Output{{Name: "penalty", Value: b.Penalty}})(tableInputs())["penalty"].Float32s()[0]
	if want == 0 || math.Abs(float64(got)-want) > 1e-6 {
		t.Errorf("the penalty is %v, want %v", got, want)
	}
	if answer.Penalty != nil {
		t.Error("there is a penalty outside training")
	}
	_, err = models.New(tableDescription(), c)
	text := `models: sharing: calibrator is for classifications with two labels, each a step after the one before, and task "hours" is none; set it to 0`
	if err == nil || err.Error() != text {
		t.Errorf("got %v, want %s", err, text)
	}
}

// TestPenaltyOfSelectorsLeavesPaddingOut: the entropy of choices by token is a
// mean over tokens.
func TestPenaltyOfSelectorsLeavesPaddingOut(t *testing.T) {
	c := structures["DSelect-k by token"]
	b, err := sharing(t, c.trunk, c.sharing).Build(models.Training)
	if err != nil {
		t.Fatal(err)
	}
	run := program(t, gonum.New(), b, []builder.Output{{Name: "penalty", Value: b.Penalty}})
	alone := run(ids([]int64{4, 9, 2}))["penalty"].Float32s()
	if alone[0] == 0 {
		t.Error("there is no penalty")
	}
	near(t, "penalty of a padded row", run(ids([]int64{4, 9, 2}, []int64{4, 9, 2, 0, 0}))["penalty"].Float32s(), alone)
}

// TestUnstitchedTrunksAreSoftOnes: with the identity in place of every mix,
// cross-stitch is one model per task over the same words, which is what soft
// sharing gives when it answers.
func TestUnstitchedTrunksAreSoftOnes(t *testing.T) {
	trunk := models.TrunkConfig{Type: "cnn", Embedding: 8, Hidden: 6, Layers: 2}
	build := func(method string) *models.Built {
		b, err := sharing(t, trunk, models.SharingConfig{Method: method}).Build(models.Inference)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	stitched, soft := build("cross_stitch"), build("soft")
	v := values(soft)
	for _, p := range stitched.Graph.Parameters() {
		name := p.Name()
		switch {
		case strings.HasSuffix(name, "/own"):
			v[name] = tensor.Must(tensor.Of([]float32{1}, 1))
		case strings.HasSuffix(name, "/others"):
			v[name] = tensor.Must(tensor.New(tensor.Float32, 3))
		case strings.HasPrefix(name, "trunk/tasks/"):
			task, rest, _ := strings.Cut(strings.TrimPrefix(name, "trunk/tasks/"), "/")
			v[name] = v["head/"+task+"/trunk/"+rest]
		}
	}
	in := ids([]int64{4, 9, 2, 17, 5}, []int64{3})
	want := programOf(t, gonum.New(), soft, v, answers(soft))(in)
	for name, got := range programOf(t, gonum.New(), stitched, v, answers(stitched))(in) {
		if diff := cmp.Diff(want[name].Any(), got.Any()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestAdaptersStartAsHardSharing: exactly so with low rank, whose second matrix
// starts at zero.
func TestAdaptersStartAsHardSharing(t *testing.T) {
	answer := func(method string) map[string]*tensor.Tensor {
		b, err := sharing(t, trunks["bag"], models.SharingConfig{Method: method}).Build(models.Inference)
		if err != nil {
			t.Fatal(err)
		}
		v := map[string]*tensor.Tensor{}
		for _, p := range b.Graph.Parameters() {
			x := make([]float32, p.Parameter().Size())
			p.Parameter().Fill(x, 1)
			v[p.Name()] = tensor.Must(tensor.Of(x, p.Parameter().Shape...))
		}
		return programOf(t, gonum.New(), b, v, answers(b))(ids([]int64{4, 9, 2}))
	}
	hard := answer("hard")
	for name, got := range answer("low_rank") {
		if diff := cmp.Diff(hard[name].Any(), got.Any()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for name, got := range answer("adapter") {
		for i, x := range got.Float32s() {
			if math.Abs(float64(x-hard[name].Float32s()[i])) > 0.01 {
				t.Errorf("an adapter starts far from the identity: %s is %v, not %v", name, x, hard[name].Float32s()[i])
			}
		}
	}
}

// TestStructuresOfOneTask: what shares with nobody still works.
func TestStructuresOfOneTask(t *testing.T) {
	for name, c := range structures {
		s := description()
		s.Tasks = s.Tasks[:1]
		m, err := models.NewText(s, models.Config{Trunk: c.trunk, Sharing: c.sharing})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		b, err := m.Build(models.Inference)
		if err != nil {
			t.Fatal(err)
		}
		if got := program(t, gonum.New(), b, answers(b))(ids([]int64{4, 9})); len(got) != 2 {
			t.Errorf("%s answers %v", name, got)
		}
	}
}

// TestDefaultsOfStructures: a structure that is named alone has the settings that it
// declares, and what it adds to the losses. A 0 that is meant is kept.
func TestDefaultsOfStructures(t *testing.T) {
	trunk := models.TrunkConfig{Type: "cnn", Embedding: 8, Hidden: 6, Layers: 1}
	for _, of := range models.Structures() {
		m := sharing(t, trunk, models.SharingConfig{Method: of.Name})
		b, err := m.Build(models.Training)
		if err != nil {
			t.Fatal(err)
		}
		if adds := of.Name == "soft" || of.Name == "dselect_k" || of.Name == "adversarial"; (b.Penalty != nil) != adds {
			t.Errorf("%s adds to the losses: %v", of.Name, b.Penalty != nil)
		}
	}
	m := sharing(t, trunk, models.SharingConfig{Method: "soft"})
	if l2 := m.Config().Sharing.L2; l2 != 0.0001 {
		t.Errorf("soft's l2 is %v", l2)
	}
	for _, c := range []models.SharingConfig{
		{Method: "soft", Options: setting.Values{"l2": 0}},
		{Method: "dselect_k", Options: setting.Values{"entropy": 0.0}},
		{Method: "adversarial", Options: setting.Values{"lambda": 0.0, "orthogonality": 0.0}},
	} {
		m := sharing(t, trunk, c)
		for range 2 {
			b, err := m.Build(models.Training)
			if err != nil || b.Penalty != nil {
				t.Fatalf("%s has a penalty that was turned off, or %v", c.Method, err)
			}
			m = sharing(t, trunk, m.Config().Sharing)
		}
	}
	_, err := models.NewText(description(), models.Config{Trunk: trunk, Sharing: models.SharingConfig{Method: "soft", Options: setting.Values{"strength": 1}}})
	if want := `models: sharing: has no option "strength", it has l2`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func ExampleSharingConfig() {
	tasks := []schema.Task{
		{Name: "topic", Type: schema.Classification, Labels: []string{"a", "b", "c"}},
		{Name: "tags", Type: schema.Tagging, Labels: []string{"O", "B-X", "I-X"}},
	}
	m, err := models.NewText(&schema.Schema{
		Version: schema.Version, Name: "example", Tasks: tasks,
		Inputs: []schema.Input{{Name: "text", Type: schema.Text, Tensor: models.IDs, VocabularySize: 100}},
	}, models.Config{
		Trunk:   models.TrunkConfig{Type: "bag", Embedding: 16},
		Sharing: models.SharingConfig{Method: "mmoe", Experts: 3, ExpertHidden: 8},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := m.Parameters()
	fmt.Println(c.Shared, c.Tasks["topic"], c.Tasks["tags"], err)
	// Output: 2008 75 75 <nil>
}
