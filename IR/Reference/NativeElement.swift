/// A Swift type that holds exactly the values of one dtype, laid out as in a buffer.
public protocol NativeElement: BitwiseCopyable, Hashable, Sendable {
  static var dtype: DType { get }
}

extension Bool: NativeElement { public static var dtype: DType { .bool } }
extension Int8: NativeElement { public static var dtype: DType { .i8 } }
extension Int16: NativeElement { public static var dtype: DType { .i16 } }
extension Int32: NativeElement { public static var dtype: DType { .i32 } }
extension Int64: NativeElement { public static var dtype: DType { .i64 } }
extension UInt8: NativeElement { public static var dtype: DType { .u8 } }
extension UInt16: NativeElement { public static var dtype: DType { .u16 } }
extension UInt32: NativeElement { public static var dtype: DType { .u32 } }
extension UInt64: NativeElement { public static var dtype: DType { .u64 } }
extension Float16: NativeElement { public static var dtype: DType { .f16 } }
extension Float: NativeElement { public static var dtype: DType { .f32 } }
extension Double: NativeElement { public static var dtype: DType { .f64 } }
