package predict

import (
	"fmt"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/tensor"
)

// checkEmbeddings reports why the file cannot give embeddings.
func (f *file) checkEmbeddings(g *onnx.Graph) error {
	e := f.schema.Embeddings
	if e == nil {
		return fmt.Errorf("predict: the file has no output of embeddings; export it with --embeddings")
	}
	if v := find(g.Outputs, e.Tensor); v == nil || v.DType != tensor.Float32 || len(v.Shape) != 2 {
		return fmt.Errorf("predict: the graph has no float32 output %q of shape [batch, %d]", e.Tensor, e.Size)
	}
	return nil
}

// readEmbeddings copies the rows of the last output into predictions.
func (w *worker) readEmbeddings(out []Prediction, outputs []runtime.Named) error {
	e := w.predictor.file.schema.Embeddings
	x := outputs[len(outputs)-1].Tensor
	if x == nil || x.DType() != tensor.Float32 || x.Rank() != 2 || x.Shape()[0] < int64(len(out)) || x.Shape()[1] != int64(e.Size) {
		return fmt.Errorf("predict: output %q is %v, the schema says [%d, %d]", e.Tensor, x, len(out), e.Size)
	}
	all := x.Float32s()
	for i := range out {
		out[i].Embedding = append(out[i].Embedding[:0], all[i*e.Size:(i+1)*e.Size]...)
	}
	return nil
}
