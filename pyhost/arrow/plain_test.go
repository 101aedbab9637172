//go:build !race && !asan

package arrow_test

const instrumented = false
