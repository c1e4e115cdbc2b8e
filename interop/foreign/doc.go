// Package foreign has no code but tests: they run models that PyTorch, Keras
// and scikit-learn have exported (make.py), by both engines, and compare with
// what the frameworks themselves answer. `make foreign` makes the models and
// sets the folder.
package foreign
