package enginetest

import (
	"context"
	"testing"

	"espalier/runtime"
	"espalier/tensor"
)

func bind(t testing.TB, s runtime.Session, inputs, outputs []runtime.Named) runtime.Binding {
	t.Helper()
	b, err := s.Bind(inputs, outputs)
	if err != nil {
		t.Fatalf("bind: %v", err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return b
}

func again(t testing.TB, b runtime.Binding) {
	t.Helper()
	if err := b.Run(context.Background()); err != nil {
		t.Fatalf("run: %v", err)
	}
}

func output(t testing.TB, b runtime.Binding, name string) *tensor.Tensor {
	t.Helper()
	out, err := b.Output(name)
	if err != nil {
		t.Fatalf("output: %v", err)
	}
	return out
}

func testBinding(t *testing.T, e runtime.Engine) {
	s := session(t, e, scaling(t))
	x, rate := of([]float32{1, 2}, 2), tensor.Scalar[float32](3)
	y, total := zeros(tensor.Float32, 2), tensor.Scalar[float32](0)
	b := bind(t, s, list(named("x", x), named("rate", rate)), list(named("total", total), named("y", y)))
	if _, err := b.Output("y"); err == nil {
		t.Error("an output can be had before the first run")
	}
	again(t, b)
	equal(t, "y", y, of([]float32{3, 6}, 2))
	equal(t, "total", total, tensor.Scalar[float32](9))
	if output(t, b, "y") != y || output(t, b, "total") != total {
		t.Error("a given output is not the one returned")
	}
	// The current elements count, of a scalar too.
	x.Float32s()[0], rate.Float32s()[0] = 5, 10
	again(t, b)
	equal(t, "y after its inputs changed", y, of([]float32{50, 20}, 2))
	equal(t, "total after its inputs changed", total, tensor.Scalar[float32](70))
}

func testBindingShapes(t *testing.T, e runtime.Engine) {
	model, naive := threeHeads(t)
	s := session(t, e, model)
	b := bind(t, s, list(named("x", rows(1, 1))), list(named("topic", zeros(tensor.Float32, 1, 8))))
	// An arena of which every step takes another part, as a trainer does.
	arena := make([]float32, 16*features)
	results := make([]float32, 16*8)
	for step, batch := range []int64{1, 4, 4, 2, 16, 0, 3} {
		x := of(arena[:batch*features], batch, features)
		copy(x.Float32s(), rows(uint64(step), batch).Float32s())
		topic := of(results[:batch*8], batch, 8)
		if err := b.SetInput("x", x); err != nil {
			t.Fatal(err)
		}
		if step == 1 {
			err := b.Run(context.Background())
			fails(t, "a run with the output of another shape", err, runtime.ErrInput)
			mentions(t, err, "topic", "1,8", "4,8")
		}
		if err := b.SetOutput("topic", topic); err != nil {
			t.Fatal(err)
		}
		again(t, b)
		near(t, "topic", topic, naive.forward(x.Float32s(), 0), batch, 8)
		if output(t, b, "topic") != topic {
			t.Fatal("the output returned is not the one set last")
		}
	}
	// Same memory, same size, another shape.
	two := bind(t, session(t, e, identity(t, tensor.Float32)),
		list(named("x", of(arena[:6], 2, 3))), list(named("y", nil)))
	again(t, two)
	equal(t, "y", output(t, two, "y"), of(arena[:6], 2, 3))
	if err := two.SetInput("x", of(arena[:6], 3, 2)); err != nil {
		t.Fatal(err)
	}
	again(t, two)
	equal(t, "y in another shape", output(t, two, "y"), of(arena[:6], 3, 2))
}

func testBindingAllocates(t *testing.T, e runtime.Engine) {
	s := session(t, e, scaling(t))
	x := of([]float32{1, 2}, 2)
	b := bind(t, s, list(named("x", x), named("rate", tensor.Scalar[float32](2))), list(named("y", nil)))
	again(t, b)
	first := output(t, b, "y")
	x.Float32s()[0] = 10
	again(t, b)
	equal(t, "y of the first run", first, of([]float32{2, 4}, 2))
	equal(t, "y of the second run", output(t, b, "y"), of([]float32{20, 4}, 2))

	given := zeros(tensor.Float32, 2)
	if err := b.SetOutput("y", given); err != nil {
		t.Fatal(err)
	}
	again(t, b)
	equal(t, "given y", given, of([]float32{20, 4}, 2))
	if err := b.SetOutput("y", nil); err != nil {
		t.Fatal(err)
	}
	x.Float32s()[1] = 0
	again(t, b)
	equal(t, "y allocated once more", output(t, b, "y"), of([]float32{20, 0}, 2))
	equal(t, "y that was given and no longer is", given, of([]float32{20, 4}, 2))
}

func testBindingMisuse(t *testing.T, e runtime.Engine) {
	model, naive := threeHeads(t)
	s := session(t, e, model)
	x, topic := rows(8, 2), zeros(tensor.Float32, 2, 8)
	b := bind(t, s, list(named("x", x)), list(named("topic", topic)))
	fails(t, "an unknown input", b.SetInput("z", x), runtime.ErrInput)
	fails(t, "an input without a tensor", b.SetInput("x", nil), runtime.ErrInput)
	fails(t, "an input of another type", b.SetInput("x", zeros(tensor.Int64, 2, features)), runtime.ErrInput)
	fails(t, "an input of another size", b.SetInput("x", zeros(tensor.Float32, 2, 63)), runtime.ErrInput)
	fails(t, "an unknown output", b.SetOutput("z", topic), runtime.ErrInput)
	fails(t, "an output that is not bound", b.SetOutput("entity", nil), runtime.ErrInput)
	fails(t, "an output of another type", b.SetOutput("topic", zeros(tensor.Float64, 2, 8)), runtime.ErrInput)
	_, err := b.Output("entity")
	fails(t, "the result of an output that is not bound", err, runtime.ErrInput)
	// After all that the binding is what it was.
	again(t, b)
	near(t, "topic", topic, naive.forward(x.Float32s(), 0), 2, 8)

	for range 2 {
		if err := b.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	fails(t, "run of a closed binding", b.Run(context.Background()), runtime.ErrClosed)
	fails(t, "input of a closed binding", b.SetInput("x", x), runtime.ErrClosed)
	fails(t, "output of a closed binding", b.SetOutput("topic", topic), runtime.ErrClosed)
	_, err = b.Output("topic")
	fails(t, "result of a closed binding", err, runtime.ErrClosed)
	run(t, s, list(named("x", x)), list(named("topic", topic))) // the session goes on
}
