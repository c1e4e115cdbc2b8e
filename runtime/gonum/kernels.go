package gonum

// kernels maps an operator to its kernel. Operators of other domains than
// ai.onnx have the domain in front, as in com.microsoft.Tokenizer. Families
// stand in kernels_*.go.
func kernels() map[string]kernel {
	all := map[string]kernel{}
	for _, family := range []map[string]kernel{
		unaryKernels(), binaryKernels(), reduceKernels(), shapeKernels(), indexKernels(), linearKernels(), normKernels(), poolKernels(),
		bitKernels(), lossKernels(), rearrangeKernels(), controlKernels(), recurrentKernels(),
	} {
		for op, k := range family {
			all[op] = k
		}
	}
	return all
}
