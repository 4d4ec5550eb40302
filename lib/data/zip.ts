// As much of the ZIP format as .npz files need: stored and deflated entries, read through the central directory, written without
// extensions. Source: PKWARE APPNOTE 6.3.10.
// Invariant: every offset and size is checked before use, an entry never unpacks to more than it declares, and its checksum holds.
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { ValueError } from '../errors.js'

/** A file inside an archive. */
export interface ZipEntry {
  readonly name: string
  readonly bytes: Uint8Array
}

/** Deflate cannot pack tighter than 1032 to 1: an entry that claims to is malformed, and is refused before memory is taken. */
const maxRatio = 1032

const endSignature = 0x06054b50
const directorySignature = 0x02014b50
const localSignature = 0x04034b50

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  return crc
})

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ crcTable[(crc ^ bytes[i]) & 255]
  return (crc ^ 0xffffffff) >>> 0
}

/** The unpacked entries of an archive in the order of its directory; all together may have `maxBytes` bytes. */
export function unzip(bytes: Uint8Array, maxBytes: number, where: string): ZipEntry[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const places = findEntries(view, where)
  const total = places.reduce((sum, at) => sum + view.readUInt32LE(at + 24), 0)
  if (total > maxBytes) {
    throw new ValueError(`${where}: entries must unpack to at most ${maxBytes} bytes, got ${total}; raise maxBytes`)
  }
  return places.map((at) => unpackEntry(view, at, where))
}

/** Where the directory's entries begin; each lies within the directory. */
function findEntries(view: Buffer, where: string): number[] {
  const end = findEnd(view, where)
  const count = view.readUInt16LE(end + 10)
  const begin = view.readUInt32LE(end + 16)
  const limit = begin + view.readUInt32LE(end + 12)
  if (count === 0xffff || begin === 0xffffffff) {
    throw new ValueError(`${where}: an archive must be below 4 GiB and 65535 entries, got a ZIP64 archive`)
  }
  if (limit > end) throw new ValueError(`${where}: the directory must end by byte ${end}, got ${limit}; the archive is malformed`)
  const places: number[] = []
  for (let at = begin; places.length < count; ) {
    if (at + 46 > limit || view.readUInt32LE(at) !== directorySignature) {
      throw new ValueError(`${where}: the directory must have ${count} entries, got ${places.length} and then something else`)
    }
    places.push(at)
    at += 46 + view.readUInt16LE(at + 28) + view.readUInt16LE(at + 30) + view.readUInt16LE(at + 32)
    if (at > limit) throw new ValueError(`${where}: directory entry ${places.length - 1} must end by byte ${limit}, got ${at}`)
  }
  return places
}

/** The end record: the last 22 bytes of an archive without a comment, else before a comment of up to 65535 bytes. */
function findEnd(view: Buffer, where: string): number {
  for (let at = view.length - 22; at >= Math.max(0, view.length - 22 - 65535); at--) {
    if (view.readUInt32LE(at) === endSignature && at + 22 + view.readUInt16LE(at + 20) === view.length) return at
  }
  throw new ValueError(
    `${where}: a ZIP archive must end with a directory, got ${view.length} bytes without one; it is truncated or no archive`,
  )
}

function unpackEntry(view: Buffer, at: number, where: string): ZipEntry {
  const name = view.toString('utf8', at + 46, at + 46 + view.readUInt16LE(at + 28))
  const entry = `${where}: entry '${name}'`
  const packed = view.readUInt32LE(at + 20)
  const size = view.readUInt32LE(at + 24)
  const method = view.readUInt16LE(at + 10)
  if (view.readUInt16LE(at + 8) & 1) throw new ValueError(`${entry} must not be encrypted`)
  if (method !== 0 && method !== 8)
    throw new ValueError(`${entry} must be stored or deflated (method 0 or 8), got method ${method}`)
  if (size === 0xffffffff || packed === 0xffffffff) throw new ValueError(`${entry} must be below 4 GiB, got a ZIP64 entry`)
  if (method === 0 ? size !== packed : size > packed * maxRatio) {
    throw new ValueError(`${entry} of ${packed} bytes must not claim to unpack to ${size} bytes`)
  }
  const body = locate(view, view.readUInt32LE(at + 42), packed, entry)
  const bytes = method === 0 ? body : inflate(body, size, entry)
  const expected = view.readUInt32LE(at + 16)
  if (crc32(bytes) !== expected)
    throw new ValueError(`${entry} must have checksum ${expected}, got ${crc32(bytes)}; the archive is damaged`)
  return { name, bytes }
}

/** The packed bytes of the entry whose local header is at `at`. */
function locate(view: Buffer, at: number, packed: number, entry: string): Uint8Array {
  if (at + 30 > view.length || view.readUInt32LE(at) !== localSignature)
    throw new ValueError(`${entry} must have a local header at byte ${at}, got none`)
  const start = at + 30 + view.readUInt16LE(at + 26) + view.readUInt16LE(at + 28)
  if (start + packed > view.length)
    throw new ValueError(`${entry} must end by byte ${view.length}, got ${start + packed}; the archive is truncated`)
  return view.subarray(start, start + packed)
}

function inflate(body: Uint8Array, size: number, entry: string): Uint8Array {
  let bytes: Uint8Array
  try {
    bytes = size === 0 && body.length <= 2 ? new Uint8Array(0) : inflateRawSync(body, { maxOutputLength: Math.max(size, 1) })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ValueError(`${entry} must unpack to ${size} bytes, got ${reason}`, { cause })
  }
  if (bytes.length !== size) throw new ValueError(`${entry} must unpack to ${size} bytes, got ${bytes.length}`)
  return bytes
}

/** The bytes of an archive with these entries, in order. Dates are the format's earliest: equal content gives equal bytes. */
export function zip(entries: readonly ZipEntry[], compressed: boolean, where: string): Uint8Array {
  const pieces: Uint8Array[] = []
  const directory: Uint8Array[] = []
  let position = 0
  for (const { name, bytes } of entries) {
    const body = compressed ? deflateRawSync(bytes) : bytes
    const title = Buffer.from(name)
    if (title.length > 0xffff) throw new ValueError(`${where}: a name must have at most 65535 bytes, got ${title.length}`)
    const common = commonHeader(bytes, body.length, title.length, compressed)
    const local = Buffer.concat([signature(localSignature), common, title])
    directory.push(signature(directorySignature), Buffer.from([20, 0]), common, Buffer.alloc(10), uint32(position), title)
    pieces.push(local, body)
    position += local.length + body.length
    if (position > 0xfffffffe)
      throw new ValueError(`${where}: an archive must be below 4 GiB, got more; save the arrays as several files`)
  }
  const listing = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(endSignature, 0)
  end.writeUInt16LE(checkCount(entries.length, where), 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(listing.length, 12)
  end.writeUInt32LE(position, 16)
  return Buffer.concat([...pieces, listing, end])
}

function checkCount(count: number, where: string): number {
  if (count > 0xfffe) throw new ValueError(`${where}: an archive must have at most 65534 entries, got ${count}`)
  return count
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

const signature = uint32

/** The 26 bytes that local and directory headers share: version, flags (UTF-8 names), method, date, checksum, sizes, name length. */
function commonHeader(bytes: Uint8Array, packed: number, nameBytes: number, compressed: boolean): Buffer {
  if (bytes.length > 0xfffffffe) throw new ValueError(`zip: an entry must be below 4 GiB, got ${bytes.length} bytes`)
  const header = Buffer.alloc(26)
  header.writeUInt16LE(20, 0)
  header.writeUInt16LE(0x800, 2)
  header.writeUInt16LE(compressed ? 8 : 0, 4)
  header.writeUInt16LE(0x21, 8)
  header.writeUInt32LE(crc32(bytes), 10)
  header.writeUInt32LE(packed, 14)
  header.writeUInt32LE(bytes.length, 18)
  header.writeUInt16LE(nameBytes, 22)
  return header
}
