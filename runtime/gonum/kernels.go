package gonum

// kernels maps an operator of the ai.onnx domain to its kernel. Families stand
// in kernels_*.go.
func kernels() map[string]kernel {
	all := map[string]kernel{}
	for _, family := range []map[string]kernel{
		unaryKernels(), binaryKernels(), reduceKernels(), shapeKernels(), indexKernels(), linearKernels(), normKernels(), poolKernels(),
		bitKernels(), lossKernels(), rearrangeKernels(),
	} {
		for op, k := range family {
			all[op] = k
		}
	}
	return all
}
