//go:build cgo

package ort_test

import (
	"context"
	"fmt"
	"log"

	"espalier/onnx"
	"espalier/runtime"
	"espalier/runtime/ort"
	"espalier/tensor"
)

// A model is opened once and run with named tensors. A prepared run reads the
// current elements of its inputs every time.
func Example() {
	engine, err := ort.Open(ort.Config{})
	if err != nil {
		log.Fatal(err)
	}
	session, err := engine.Open(double(), runtime.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()

	data := []float32{1, 2, 3}
	x := tensor.Must(tensor.Of(data, 3))
	outputs := []runtime.Named{{Name: "y"}} // allocated by the run
	if err := session.Run(context.Background(), []runtime.Named{{Name: "x", Tensor: x}}, outputs); err != nil {
		log.Fatal(err)
	}
	fmt.Println(outputs[0].Tensor, outputs[0].Tensor.Float32s())

	y := tensor.Must(tensor.New(tensor.Float32, 3))
	prepared, err := session.Bind([]runtime.Named{{Name: "x", Tensor: x}}, []runtime.Named{{Name: "y", Tensor: y}})
	if err != nil {
		log.Fatal(err)
	}
	defer prepared.Close()
	data[0] = 10
	if err := prepared.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(y.Float32s())
	// Output:
	// float32[3] [2 4 6]
	// [20 4 6]
}

// double is the file of y = x + x.
func double() []byte {
	vector := []onnx.Dim{{Name: "n"}}
	model, err := onnx.Encode(&onnx.Model{
		IRVersion:    8,
		OpsetImports: []onnx.OperatorSetID{{Version: 17}},
		Graph: &onnx.Graph{
			Name:    "double",
			Nodes:   []*onnx.Node{{OpType: "Add", Inputs: []string{"x", "x"}, Outputs: []string{"y"}}},
			Inputs:  []onnx.ValueInfo{{Name: "x", DType: tensor.Float32, HasShape: true, Shape: vector}},
			Outputs: []onnx.ValueInfo{{Name: "y", DType: tensor.Float32, HasShape: true, Shape: vector}},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	return model
}
