using Tunnel.Server.Guards;

namespace Tunnel.Server.Tests.Guards;

public sealed class PasswordWorkTests
{
    /// <summary>What is worked out, in units of the cheapest hash: the same, whoever asks.</summary>
    [Theory]
    [InlineData(4, 4)]
    [InlineData(4, 12)]
    [InlineData(11, 12)]
    [InlineData(12, 12)]
    [InlineData(null, 12)]
    [InlineData(null, 4)]
    public void Check_OfAnybody_CostsTheDearestHash(int? hash, int price) =>
        PasswordWork.Hashes(hash is null ? null : $"$2y${hash:00}$wJyd8/wZKF6I4Rjl8QvqZe3DX4E4b9eNkKN9aI7/PqsvlFkJAPboK", price)
            .Sum(measured => 1 << PasswordWork.PriceOf(measured)).Should().Be(1 << price);

    [Fact]
    public void Password_IsRightForItsOwnHashAlone()
    {
        string hash = BCrypt.Net.BCrypt.HashPassword("open sesame", 4);

        PasswordWork.IsRight("open sesame", hash, price: 6).Should().BeTrue();
        PasswordWork.IsRight("open Sesame", hash, price: 6).Should().BeFalse();
        PasswordWork.IsRight("open sesame", null, price: 6).Should().BeFalse();
    }
}
