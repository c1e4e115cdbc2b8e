package predict_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"espalier/export"
	"espalier/runtime/gonum"
	"espalier/runtime/predict"
	"espalier/schema"
	"espalier/text"
)

// TestOwnIDsArePaddedWithTheirOwn: predictions of a text do not depend on the longer
// text beside it, which they would if padding were a token like others. The model has
// a CRF, whose loop takes padding for the end of a text.
func TestOwnIDsArePaddedWithTheirOwn(t *testing.T) {
	for _, padding := range []int64{0, 6} {
		data := everyTask(t, schema.Input{Tokenizer: text.Subword, OwnIDs: true, Padding: padding}, export.Options{})
		p, err := predict.OpenBytes(data, predict.Options{Engine: gonum.New()})
		if err != nil {
			t.Fatal(err)
		}
		texts := []string{"new york", "i i like i new york york", "york"}
		both, err := p.Predict(context.Background(), texts...)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range texts {
			alone, err := p.Predict(context.Background(), s)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(alone[0], both[i], cmpopts.EquateApprox(1e-5, 1e-6), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("padding %d: %q beside longer texts: %s", padding, s, diff)
			}
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
