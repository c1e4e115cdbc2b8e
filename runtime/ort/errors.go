//go:build cgo

package ort

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"espalier/runtime"
	"espalier/runtime/ort/internal/native"
)

// openError sorts ORT's reasons for refusing a model. The binding passes on
// ORT's text and not its code, so the text is what there is to go by.
func openError(err error) error {
	if err == nil {
		return nil
	}
	for _, sign := range []string{"No Op registered for", "is not a registered function/op", "Could not find an implementation"} {
		if strings.Contains(err.Error(), sign) {
			return fmt.Errorf("%w: %w", runtime.ErrUnsupported, err)
		}
	}
	return fmt.Errorf("%w: %w", runtime.ErrModel, err)
}

// explain turns a failed run's error into one that says what to do about it.
func (c *call) explain(ctx context.Context, err error) error {
	if stopped := ctx.Err(); stopped != nil {
		return fmt.Errorf("run stopped: %w", stopped)
	}
	if missing := c.missing(); len(missing) > 0 {
		return fmt.Errorf("%w: input %s is not given, and ONNX Runtime computes the whole graph, "+
			"whichever outputs are asked for", runtime.ErrInput, strings.Join(missing, ", "))
	}
	var e *native.Error
	if errors.As(err, &e) && e.Code == native.CodeInvalidArgument {
		return fmt.Errorf("%w: %w", runtime.ErrInput, err)
	}
	return fmt.Errorf("onnxruntime: %w", err)
}

// missing lists the declared inputs that the call lacks, quoted.
func (c *call) missing() []string {
	var names []string
	for i := range c.session.inputs.list {
		if info := &c.session.inputs.list[i]; !taken(c.inputs, info) {
			names = append(names, strconv.Quote(info.Name))
		}
	}
	return names
}
