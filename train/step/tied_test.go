package step

import (
	"context"
	"math"
	"testing"

	"espalier/builder"
	"espalier/builder/nn"
	"espalier/models"
	"espalier/runtime"
	"espalier/runtime/gonum"
	"espalier/schema"
	"espalier/tensor"
	"espalier/train/optim"
)

// TestTiedEmbeddingsLearnFromAllLookUps: two look-ups in one scope read one
// table, and the sum of their rows' gradients is the loss's by the table, as
// finite differences have it.
func TestTiedEmbeddingsLearnFromAllLookUps(t *testing.T) {
	const rows, dim = 6, 3
	g := builder.New("tied", builder.Options{})
	batch, sequence := builder.Named("batch"), builder.Named("sequence")
	built := &models.Built{
		Graph: g, IDs: g.Input(models.IDs, tensor.Int64, batch, sequence),
		Characters: g.Input(models.Characters, tensor.Int64, batch, sequence, builder.Named("characters")),
	}
	s := g.Scope("trunk/embedding")
	words, characters := nn.Embedding(s, built.IDs, rows, dim), nn.Embedding(s, built.Characters, rows, dim)
	loss := g.SumAll(g.Tanh(g.Add(words, g.ReduceSum(characters, false, 2))))
	built.Tasks = []models.TaskGraph{{Name: "task", Loss: loss}}
	if g.Err() != nil {
		t.Fatal(g.Err())
	}
	p, err := stepOf(built, nil, false, false)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.lookup) != 2 || p.lookup[0].table != p.lookup[1].table {
		t.Fatalf("there are %d look-ups", len(p.lookup))
	}
	if err := p.open(gonum.New(), runtime.Options{}); err != nil {
		t.Fatal(err)
	}
	defer p.session.Close()
	a, err := newParameters(g.Parameters(), map[string]bool{models.EmbeddingTable: true}, 1)
	if err != nil {
		t.Fatal(err)
	}
	out, batchOutputs, rowGrad := gradientEnds(p, a)
	r, err := newRunner(p, a, []schema.Task{{Name: "task"}}, ends{weights: []float32{1}, out: out, batchOutputs: batchOutputs})
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	b, err := p.batchOf([]runtime.Named{
		{Name: models.IDs, Tensor: tensor.Must(tensor.Of([]int64{1, 2, 3, 2}, 2, 2))},
		{Name: models.Characters, Tensor: tensor.Must(tensor.Of([]int64{1, 1, 2, 4, 5, 2, 3, 3, 3, 1, 4, 2}, 2, 2, 3))},
	})
	if err != nil {
		t.Fatal(err)
	}
	run := func() float64 {
		if err := r.run(context.Background(), &Input{Batch: b}); err != nil {
			t.Fatal(err)
		}
		return float64(r.losses[0])
	}
	run()
	sums := optim.NewRows(rows, dim)
	sums.Begin(-1)
	for i := range p.lookup {
		sums.Add(p.idsOf(i, &Input{Batch: b}), rowGrad[i].floats)
	}
	if len(sums.IDs) != 5 {
		t.Errorf("rows %v have gradients", sums.IDs)
	}
	got := append([]float32{}, sums.Sums...)
	table := a.tables[0].values
	const h = 1e-2
	for i, id := range sums.IDs {
		for j := range dim {
			at := &table[int(id)*dim+j]
			was := *at
			*at = was + h
			up := run()
			*at = was - h
			down := run()
			*at = was
			want := (up - down) / (2 * h)
			if d := math.Abs(float64(got[i*dim+j]) - want); d > 2e-3 {
				t.Errorf("row %d, %d: gradient %v, finite difference %v", id, j, got[i*dim+j], want)
			}
		}
	}
}
