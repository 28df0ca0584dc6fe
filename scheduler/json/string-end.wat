;; Finds the quote that ends a JSON string, 64 bytes at a time, whatever escapes stand before it.
(module
  ;; The bytes, from 0, with 64 zeros behind them.
  (memory (export "memory") 2)

  ;; A bit for each of the 64 bytes from $at that is $byte.
  (func $matches (param $at i32) (param $byte i32) (result i64)
    (i64.or
      (i64.or
        (call $matches16 (v128.load offset=0 (local.get $at)) (local.get $byte) (i64.const 0))
        (call $matches16 (v128.load offset=16 (local.get $at)) (local.get $byte) (i64.const 16)))
      (i64.or
        (call $matches16 (v128.load offset=32 (local.get $at)) (local.get $byte) (i64.const 32))
        (call $matches16 (v128.load offset=48 (local.get $at)) (local.get $byte) (i64.const 48)))))

  (func $matches16 (param $bytes v128) (param $byte i32) (param $shift i64) (result i64)
    (i64.shl
      (i64.extend_i32_u (i8x16.bitmask (i8x16.eq (local.get $bytes) (i8x16.splat (local.get $byte)))))
      (local.get $shift)))

  ;; Of $length bytes. $escaped: 1 when a backslash before the first byte escapes it, else 0. The index of the quote; or,
  ;; when there is none, -1, and -2 when the last byte escapes what follows.
  (func (export "find") (param $length i32) (param $escaped i64) (result i32)
    (local $at i32)
    (local $quotes i64)
    (local $slashes i64)
    ;; Backslashes that are not escaped by the block before.
    (local $starts i64)
    ;; After the subtraction: backslashes that escape, and the bytes that end a run of them (as simdjson does it).
    (local $codes i64)
    (loop $block
      (local.set $quotes (call $matches (local.get $at) (i32.const 0x22)))
      (local.set $slashes (call $matches (local.get $at) (i32.const 0x5c)))
      (local.set $starts (i64.and (local.get $slashes) (i64.xor (local.get $escaped) (i64.const -1))))
      (local.set $codes
        (i64.xor
          (i64.sub
            (i64.or (i64.shl (local.get $starts) (i64.const 1)) (i64.const 0xaaaaaaaaaaaaaaaa))
            (local.get $starts))
          (i64.const 0xaaaaaaaaaaaaaaaa)))
      (local.set $quotes
        (i64.and
          (local.get $quotes)
          (i64.xor
            (i64.xor (local.get $codes) (i64.or (local.get $slashes) (local.get $escaped)))
            (i64.const -1))))
      (if (i64.ne (local.get $quotes) (i64.const 0))
        (then (return (i32.add (local.get $at) (i32.wrap_i64 (i64.ctz (local.get $quotes)))))))
      (local.set $escaped (i64.shr_u (i64.and (local.get $codes) (local.get $slashes)) (i64.const 63)))
      (local.set $at (i32.add (local.get $at) (i32.const 64)))
      (br_if $block (i32.lt_u (local.get $at) (local.get $length))))
    (i32.sub (i32.const -1) (i32.wrap_i64 (local.get $escaped)))))
