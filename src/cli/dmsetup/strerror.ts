/** The C library's texts for the errnos a mapper command can fail with. */

const texts = new Map<number, string>([
  [1, 'Operation not permitted'],
  [2, 'No such file or directory'],
  [4, 'Interrupted system call'],
  [5, 'Input/output error'],
  [6, 'No such device or address'],
  [7, 'Argument list too long'],
  [11, 'Resource temporarily unavailable'],
  [12, 'Cannot allocate memory'],
  [13, 'Permission denied'],
  [15, 'Block device required'],
  [16, 'Device or resource busy'],
  [17, 'File exists'],
  [19, 'No such device'],
  [20, 'Not a directory'],
  [21, 'Is a directory'],
  [22, 'Invalid argument'],
  [24, 'Too many open files'],
  [26, 'Text file busy'],
  [27, 'File too large'],
  [28, 'No space left on device'],
  [30, 'Read-only file system'],
  [34, 'Numerical result out of range'],
  [36, 'File name too long'],
  [40, 'Too many levels of symbolic links'],
  [61, 'No data available'],
  [75, 'Value too large for defined data type'],
  [95, 'Operation not supported'],
  [108, 'Cannot send after transport endpoint shutdown'],
  [110, 'Connection timed out'],
  [125, 'Operation canceled'],
])

export const enxio = 6

export const strerror = (errno: number): string => texts.get(errno) ?? `Unknown error ${errno}`
