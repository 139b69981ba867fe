using CsCheck;
using Tunnel.Http.Heads;
using Tunnel.Http.Tests.Wire;

namespace Tunnel.Http.Tests.Fuzz;

/// <summary>What holds for any bytes, cut anywhere.</summary>
public class PropertyTests
{
    private static readonly Gen<byte[]> Noise = Gen.OneOf(
        Gen.Byte.Array[0, 200],
        OneOf([.. " \t\r\n:;,=\0aGET/HTP1.0xX5\u0080"]).Select(static letter => (byte)letter).Array[0, 200]);

    private static readonly Gen<byte[]> RequestBytes = Gen.Frequency((1, Noise), (4, Assembled(Seeds.RequestPieces)));

    private static readonly Gen<byte[]> ResponseBytes = Gen.Frequency((1, Noise), (4, Assembled(Seeds.ResponsePieces)));

    private static readonly Gen<byte[]> ChunkedBytes = Gen.Frequency((1, Noise), (4, Assembled(Seeds.ChunkedPieces)));

    /// <summary>The same place twice makes an empty segment, and shows the same bytes twice.</summary>
    private static readonly Gen<int[]> Cuts = Gen.Int[0, 300].Array[0, 8].Select(static cuts => cuts.Order().ToArray());

    [Fact]
    public void Request_CutAnywhere_GetsTheSameVerdictAndComesBackTheSame() =>
        Gen.Select(RequestBytes, Cuts).Sample(static (bytes, cuts) => Invariants.Request(bytes, cuts), iter: 20_000);

    [Fact]
    public void Response_CutAnywhere_GetsTheSameVerdictAndComesBackTheSame() =>
        Gen.Select(ResponseBytes, Cuts, Gen.Enum<RequestMethod>())
            .Sample(static (bytes, cuts, method) => Invariants.Response(bytes, cuts, method), iter: 20_000);

    [Fact]
    public void ChunkedBody_CutAnywhere_GetsTheSameVerdictAndComesBackTheSame() =>
        Gen.Select(ChunkedBytes, Cuts).Sample(static (bytes, cuts) => Invariants.Chunked(bytes, cuts), iter: 20_000);

    [Fact]
    public void KnownLength_CutAnywhere_GivesTheSameContent() =>
        Gen.Select(Noise, Cuts, Gen.Long[0, 250]).Sample(static (bytes, cuts, length) =>
            Reading.Body(bytes, cuts, BodyFraming.OfLength(length))
                .Should().Be(Reading.Body(bytes, [], BodyFraming.OfLength(length))), iter: 5_000);

    private static Gen<byte[]> Assembled(string[] pieces) =>
        OneOf(pieces).Array[1, 12].Select(static chosen => Verdict.Bytes.GetBytes(string.Concat(chosen)));

    private static Gen<T> OneOf<T>(T[] choices) => Gen.Int[0, choices.Length - 1].Select(index => choices[index]);
}
