package cgo

import (
	"fmt"
	"math"
	"math/big"
	"sync"
	"time"
)

// special reads what has a class of its own.
func (d *Decoder) special(depth int) (any, error) {
	what, err := d.tag()
	if err != nil {
		return nil, err
	}
	v, err := d.next(depth + 1)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case Tuple:
		return specialTuple(what, v)
	case int64:
		if what == specialDelta {
			return delta(v)
		}
	case *big.Int:
		if what == specialDelta {
			return nil, fmt.Errorf("timedelta overflows time.Duration")
		}
	case []byte:
		if what == specialUUID && len(v) == 16 {
			return [16]byte(v), nil
		}
	case string:
		if what == specialDecimal {
			return Decimal(v), nil
		}
	}
	return nil, ErrMalformed
}

func delta(us int64) (any, error) {
	if us > math.MaxInt64/1000 || us < math.MinInt64/1000 {
		return nil, fmt.Errorf("timedelta of %d microseconds overflows time.Duration", us)
	}
	return time.Duration(us) * time.Microsecond, nil
}

func specialTuple(what byte, t Tuple) (any, error) {
	switch {
	case what == specialTime && len(t) == 3:
		us, ok1 := t[0].(int64)
		offset, ok2 := t[1].(int64)
		zone, ok3 := t[2].(string)
		if ok1 && ok2 && ok3 {
			return time.UnixMicro(us).In(location(zone, int(offset))), nil
		}
	case what == specialRatio && len(t) == 2:
		n, d := bigOf(t[0]), bigOf(t[1])
		if n != nil && d != nil && d.Sign() != 0 {
			return new(big.Rat).SetFrac(n, d), nil
		}
	}
	return nil, ErrMalformed
}

func bigOf(v any) *big.Int {
	switch v := v.(type) {
	case int64:
		return big.NewInt(v)
	case *big.Int:
		return v
	}
	return nil
}

var locations sync.Map // name -> *time.Location; nil: not known here

// location of a name of the time zone database, or of an offset.
func location(zone string, offset int) *time.Location {
	if zone == "UTC" {
		return time.UTC
	}
	if zone != "" && zone != "Local" {
		got, ok := locations.Load(zone)
		if !ok {
			loc, err := time.LoadLocation(zone)
			if err != nil {
				loc = nil
			}
			got, _ = locations.LoadOrStore(zone, loc)
		}
		if loc := got.(*time.Location); loc != nil {
			return loc
		}
	}
	return time.FixedZone(zone, offset)
}
