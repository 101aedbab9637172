package pyhost

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/pyhost/pyhost/cgo"
)

// What package process needs to be a Runner beside Runtime: a Ref to an object in another process,
// and the errors that are made of what comes from there. Programs have no use for it.

// Remote is a runtime in another process, as its Refs know it. It is for this library's own
// packages.
type Remote interface {
	Call(ctx context.Context, name string, out any, args ...any) error
	// CallRef calls the object that the Ref, which is the runtime's, refers to.
	CallRef(ctx context.Context, ref *Ref, out any, args ...any) error
	// Release gives one reference back. It may be called at any time and does not block.
	Release(id uint64)
	// Gone is an error once the process has ended.
	Gone() error
}

// NewRemoteRef makes a Ref to an object of r, and owns one reference to it. It is for this
// library's own packages.
func NewRemoteRef(r Remote, id uint64, typ string) *Ref {
	return (&held{far: r, ptr: cgo.Ptr(id)}).ref(typ)
}

// BorrowRemote gives what v refers to, if it is a Ref, to be used in a call of r; release is to be
// called when the call has ended. ok is false if v is no handle. It is for this library's own
// packages.
func BorrowRemote(v any, r Remote) (id uint64, release func(), ok bool, err error) {
	if n, is := v.(*Namespace); is {
		if n == nil {
			return 0, nil, true, errors.New("a nil Namespace")
		}
		v = n.ref
	}
	ref, ok := v.(*Ref)
	defer runtime.KeepAlive(ref)
	if _, is := v.(*Object); is {
		return 0, nil, true, ErrOtherRuntime
	}
	switch {
	case !ok:
		return 0, nil, false, nil
	case ref == nil || ref.held == nil:
		err = errors.New("a Ref that refers to nothing")
	case ref.held.far != r:
		err = ref.held.elsewhere()
	case ref.closed.Load() || !ref.held.acquire():
		err = fmt.Errorf("%s is closed", ref)
	default:
		return uint64(ref.held.ptr), ref.held.release, true, nil
	}
	return 0, nil, true, err
}

// elsewhere is the error of one that belongs to another runtime.
func (h *held) elsewhere() error {
	if h.far != nil {
		if err := h.far.Gone(); err != nil {
			return err
		}
	}
	return ErrOtherRuntime
}

// ScopeRef is the Ref to the namespace of a Scope; nil: those of __main__ are its globals. It is
// for this library's own packages.
func ScopeRef(s Scope) *Ref {
	if s.Namespace == nil {
		return nil
	}
	return s.Namespace.ref
}

// RemoteError makes the error of an exception that another process has encoded. It is for this
// library's own packages.
func RemoteError(d *cgo.Decoder) error { return raised(d) }

// NewCancelError makes the error of a call whose context has ended. It is for this library's own
// packages.
func NewCancelError(ctx context.Context, call string) *CancelError { return cancelError(ctx, call) }

// NewClosedError makes the error of a call that Close has cancelled. It is for this library's own
// packages.
func NewClosedError(call string, raised *PythonError) *CancelError {
	return &CancelError{Call: call, Cause: ErrClosed, ctxErr: ErrClosed, Python: raised}
}

// Locate gives the installation that Open takes for a Config.Python. It is for this library's own
// packages.
func Locate(ctx context.Context, spec string) (Python, error) { return locate(ctx, spec) }

// CheckTarget refuses a target that no result could go into. It is for this library's own packages.
func CheckTarget(out any) error { return checkTarget(out) }
